"""Estimates of time and memory: what a machine took before, and what is finished already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from masks.landmarks import FaceLandmarks
from studio.acting.marks import Retake
from studio.cast.face_assignment import AssignedFace, FaceAssignment
from studio.jobs.estimate import WORKED, calibrate, estimate, record_film
from studio.production.settings import RenderSettings
from studio.project.project import Project
from studio.project.projects import Projects
from studio.project.takes import Take, recipe, record_takes
from studio.scene.schema import Character, Scene, ScriptLine
from studio.validation.scene_check import Report

SCENE = Scene(
    picture="one.png",
    cast=(Character(name="ANNA"), Character(name="BEN")),
    script=(ScriptLine(who="ANNA", text="Nine letters."), ScriptLine(who="BEN", text="Nine letters.")),
)
FULL = RenderSettings()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Projects(tmp_path).create("A", SCENE)


@pytest.fixture
def report() -> Report:
    points = np.random.default_rng(0).uniform(0, 300, (478, 3)).astype(np.float32)
    assignment = FaceAssignment(
        np.zeros((720, 1280, 3), np.uint8), (AssignedFace(0, FaceLandmarks(points, 1.0), None, False),)
    )
    return Report((), (), SCENE, assignment, 20.0)


def test_a_draft_and_a_shorter_scene_cost_less(project: Project, report: Report) -> None:
    full = estimate(project, report)
    draft = estimate(project, report, RenderSettings(draft=True))
    shorter = estimate(project, replace(report, seconds=10.0))
    assert full.seconds_of_video == pytest.approx(20.5, abs=0.1)
    assert draft.seconds_of_work < full.seconds_of_work and draft.memory_bytes < full.memory_bytes
    assert shorter.seconds_of_work < 0.7 * full.seconds_of_work


def test_what_the_machine_took_is_what_it_is_expected_to_take(project: Project, report: Report) -> None:
    root = project.folder.parent
    took = dict(zip(WORKED, (120.0, 60.0, 4.0), strict=True)) | {"memory": 2.5e9}
    calibrate(root, report, FULL, took, made=1.0)
    known = estimate(project, report)
    assert known.seconds_of_work == pytest.approx(184 + 2) and known.memory_bytes == pytest.approx(2.5e9)
    half = {"speech and motion": 120.0}  # as long for half of the speech: half as fast
    calibrate(root, report, FULL, half, made=0.5)
    assert 186 < estimate(project, report).seconds_of_work < 120 * 2 + 66
    before = estimate(project, report)
    calibrate(root, report, FULL, {"speech and motion": 0.1}, made=0.0)  # everything was kept: that says nothing
    assert estimate(project, report) == before


def test_finished_pieces_cost_nothing(project: Project, report: Report) -> None:
    first, second = project.line_ids()
    whole = estimate(project, report).seconds_of_work
    take = Take("0", 0, "", "", "piece", None, "", recipe(SCENE, FULL.steps))
    record_takes(project.folder, {first: take})
    assert estimate(project, report).seconds_of_work == whole  # the piece was tidied away
    project.work.mkdir()
    (project.work / "piece.npz").write_bytes(b"")
    one = estimate(project, report).seconds_of_work
    record_takes(project.folder, {second: replace(take, recipe=recipe(SCENE, 4))})
    assert estimate(project, report).seconds_of_work == one  # another number of steps
    record_takes(project.folder, {second: take})
    assert estimate(project, report).seconds_of_work < one < whole
    assert recipe(SCENE.model_copy(update={"seed": 2}), 16) != recipe(SCENE, 16)


def test_kept_pictures_cost_nothing(project: Project, report: Report) -> None:
    text = "A line of some letters that is as long as lines are, or a little longer."
    scene = SCENE.model_copy(update={"script": tuple(ScriptLine(who=w, text=text) for w in ("ANNA", "BEN", "ANNA"))})
    project.edit(scene, "Longer")
    report = replace(report, scene=scene)
    project.work.mkdir()
    for name, piece in zip(project.line_ids(), "abc", strict=True):
        (project.work / f"{piece}.npz").write_bytes(b"")
        record_takes(project.folder, {name: Take("0", 0, "", "", piece, None, "", recipe(scene, FULL.steps))})
    spoken = estimate(project, report).seconds_of_work
    record_film(project.work, scene, FULL, ["a", "b", "c"])
    kept = estimate(project, report).seconds_of_work
    assert kept < 0.4 * spoken
    draft = RenderSettings(draft=True)
    assert estimate(project, report, draft).seconds_of_work > 2 * kept  # of another size none are kept
    retake = Retake(start=0, end=1, take=1)
    changed = (scene.script[0].model_copy(update={"retakes": (retake,)}), *scene.script[1:])
    one = replace(report, scene=scene.model_copy(update={"script": changed}))
    assert kept < estimate(project, one).seconds_of_work < 0.8 * spoken
    nod = scene.cast[0].model_copy(update={"head": 0.5})
    other = replace(report, scene=scene.model_copy(update={"cast": (nod, scene.cast[1])}))
    assert estimate(project, other).seconds_of_work == spoken


def test_a_film_of_kept_pictures_teaches_no_wrong_speed(project: Project, report: Report) -> None:
    root = project.folder.parent
    calibrate(root, report, FULL, {"rendering": 60.0}, made=1.0)
    whole = estimate(project, report)
    calibrate(root, report, FULL, {"rendering": 6.0}, made=1.0, drawn=0.1)
    assert estimate(project, report).seconds_of_work == pytest.approx(whole.seconds_of_work)


def test_a_scene_with_problems_has_no_estimate(project: Project) -> None:
    assert estimate(project) is None
