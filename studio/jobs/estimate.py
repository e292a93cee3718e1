"""Estimate of a video's length, time and memory, learned from the jobs of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.core.storage import json_bytes, read_json, write_json
from studio.production.settings import RenderSettings, expected_stage_seconds
from studio.project.project import Project
from studio.project.takes import recipe
from studio.scene.document import scene_data
from studio.scene.line_names import line_names
from studio.scene.schema import Scene, ScriptLine
from studio.timeline.timeline import TAIL_FRAMES
from studio.validation.scene_check import Report, check_scene

SPEED_FILE = ".worker/speed.json"
WORKED = ("speech and motion", "rendering", "encoding")
"""Stages whose time depends on the scene."""
_START_SECONDS = 2.0
"""Looking at the scene and the picture."""
_BASE_BYTES, _BYTES_PER_PIXEL = 0.8e9, 250.0
"""The models with their libraries, and what rendering holds for every pixel of the picture."""
FILMS, _KEPT_FILMS = "frames/films.json", 8
"""In the work folder: lines whose pictures are kept, by how they look; and of how many looks."""
_AROUND_LETTERS = 30
_OVERHEAD_SECONDS = 45.0
"""Expected of a fine-tuning job beside the training."""
_NEWEST = 0.6
"""How much the newest job counts against those before it."""


@dataclass(frozen=True)
class Estimate:
    """Estimate of a film's length, time and memory.

    Attributes:
        seconds_of_video: its length.
        seconds_of_work: how long making it takes once it is its turn, finished pieces left out.
        memory_bytes: most that the worker holds at once.
    """

    seconds_of_video: float
    seconds_of_work: float
    memory_bytes: int


def estimate(project: Project, report: Report | None = None, settings: RenderSettings | None = None) -> Estimate | None:
    """Estimates the rendering of a project; None while its check finds problems.

    What jobs took on this machine before is kept beside the projects and scales the guess.

    Args:
        project: whose scene.
        report: of :func:`studio.validation.scene_check.check_scene`, if it is there already.
        settings: steps, height, draft; as a film in full if not given.
    """
    settings = settings or RenderSettings()
    report = report or check_scene(project.scene_path)
    if report.problems or report.scene is None or report.assignment is None:
        return None
    factors = factors_of(project.folder.parent)
    spoken, drawn = _kept(project, report.scene, settings)
    made = {"speech and motion": 1 - spoken, "rendering": 1 - drawn}
    expected = _expected(report, settings)
    work = sum(expected[stage] * made.get(stage, 1.0) * factors.get(stage, 1.0) for stage in WORKED)
    memory = _expected_bytes(report, settings) * factors.get("memory", 1.0)
    return Estimate(report.seconds + TAIL_FRAMES / 25, _START_SECONDS + work, round(memory))


def calibrate(
    root: Path, report: Report, settings: RenderSettings, took: Mapping[str, float], made: float, drawn: float = 1.0
) -> None:
    """Note what a finished film took.

    Args:
        root: the folder of the projects.
        report: of its check.
        settings: how it was rendered.
        took: seconds of each stage, and under ``memory`` the most bytes held, if known.
        made: share of the speech that did not come from kept pieces.
        drawn: share of the frames that did not come from kept stretches.
    """
    expected = _expected(report, settings) | {"memory": _expected_bytes(report, settings)}
    expected["speech and motion"] *= made
    expected["rendering"] *= drawn
    told = {key: amount for key, amount in took.items() if expected.get(key, 0) >= 0.2}  # less tells nothing
    record_ratios(root, {key: amount / expected[key] for key, amount in told.items()})


def record_ratios(root: Path, ratios: Mapping[str, float]) -> None:
    """Note what this machine needed over what was expected, by what was done."""
    factors = factors_of(root)
    for key, now in ratios.items():
        factors[key] = now if key not in factors else factors[key] ** (1 - _NEWEST) * now**_NEWEST
    write_json(root / SPEED_FILE, factors, durable=False)


def finetuning_overhead(root: Path) -> float:
    """Seconds of a fine-tuning job beside the training, by what earlier ones on this machine took."""
    return _OVERHEAD_SECONDS * factors_of(root).get("fine-tuning", 1.0)


def record_finetuning(root: Path, seconds: float) -> None:
    """Note what a fine-tuning job took beside the training; one that was continued took less than nothing."""
    if seconds > 0:
        record_ratios(root, {"fine-tuning": seconds / _OVERHEAD_SECONDS})


def _expected(report: Report, settings: RenderSettings) -> dict[str, float]:
    if report.assignment is None:
        raise ValueError("a scene whose faces are not assigned has no estimate")
    return expected_stage_seconds(report.seconds, report.assignment.resized(settings.greatest_height), settings)


def _expected_bytes(report: Report, settings: RenderSettings) -> float:
    if report.assignment is None:
        raise ValueError("a scene whose faces are not assigned has no estimate")
    height, width = report.assignment.resized(settings.greatest_height).picture.shape[:2]
    return _BASE_BYTES + _BYTES_PER_PIXEL * height * width


def factors_of(root: Path) -> dict[str, float]:
    """What this machine needs over what is expected, by what is done; nothing of what it did not do yet."""
    data = read_json(root / SPEED_FILE)
    return {key: float(value) for key, value in data.items() if value > 0} if isinstance(data, dict) else {}


def record_film(work: Path, scene: Scene, settings: RenderSettings, pieces: Sequence[str]) -> None:
    """Note of a finished film that its pictures are kept.

    Args:
        work: the project's work folder.
        scene: what was filmed.
        settings: how.
        pieces: name of the kept piece of each script line.
    """
    films = read_json(work / FILMS)
    films = films if isinstance(films, dict) else {}
    key = _looks(scene, settings)
    films[key] = [_shot(piece, line) for piece, line in zip(pieces, scene.script, strict=True)]
    newest = [name for name in films if name != key][-_KEPT_FILMS:] + [key]
    write_json(work / FILMS, {name: films[name] for name in newest}, durable=False)


def _looks(scene: Scene, settings: RenderSettings) -> str:
    """Hash of what all frames of a scene depend on besides its lines."""
    bare = scene.model_copy(update={"script": (), "title": "", "lexicon": {}, "consent": None, "statement": ""})
    return hashlib.sha256(json_bytes([scene_data(bare), settings.greatest_height])).hexdigest()[:16]


def _shot(piece: str, line: ScriptLine) -> str:
    """What the frames of a line depend on."""
    return f"{piece} {[retake.model_dump(mode='json') for retake in line.retakes]}"


def _kept(project: Project, scene: Scene, settings: RenderSettings) -> tuple[float, float]:
    """Share of the script, by letters, whose pieces are kept already, and whose pictures are."""
    wanted = recipe(scene, settings.steps)
    films = read_json(project.work / FILMS)
    shots = films.get(_looks(scene, settings), ()) if isinstance(films, dict) else ()
    spoken = drawn = total = 0.0
    for line, name in zip(scene.script, line_names(scene, takes=False), strict=True):
        letters = len(line.text) + 1
        total += letters
        for take in project.takes(name):
            if take.seed == line.take and take.recipe == wanted and (project.work / f"{take.piece}.npz").is_file():
                spoken += letters
                drawn += letters * (_shot(take.piece, line) in shots)
                break
    # what is drawn anew begins and ends a little outside of the lines
    around = 0.0 if drawn == total else _AROUND_LETTERS
    return spoken / max(total, 1), max(0.0, drawn - around) / max(total, 1)
