"""The lips page in a real browser: a span is dragged, a key is set, only that span is made again, and taken back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from browser_pages import eventually, visit

from generation.core.motion import N_CHANNELS
from generation.motion.arkit import write_arkit_csv
from studio.editor.motion_view import newest_lanes
from studio.jobs.queue import jobs
from studio.project.project import Project
from studio.scene.schema import Character

pytestmark = pytest.mark.slow


def long_line(project: Project) -> Project:
    """The small project with a first line that has room for a span."""
    script = list(project.scene.script)
    script[0] = script[0].model_copy(update={"text": "One and two and three and four and five."})
    project.edit(project.scene.model_copy(update={"script": tuple(script)}), "Longer")
    return project


def test_a_dragged_span_is_made_again_and_taken_back(page, editor, small) -> None:
    project = long_line(small)
    who = project.scene.script[0].who
    visit(page, editor, "lips", project)
    page.locator(".line button").first.wait_for()
    before = newest_lanes(project)
    kept = {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}
    page.get_by_title("come closer: One and two").click()
    page.get_by_role("button", name="Whole scene").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(".edge").first.wait_for(state="detached")
    lane = page.locator(".row").filter(has_text=who).locator(".track")
    box = lane.bounding_box()

    def at(share: float, down: float) -> tuple[float, float]:
        return box["x"] + share * box["width"], box["y"] + down * box["height"]

    page.mouse.move(*at(0.42, 0.4))
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.4), steps=3)
    page.mouse.move(*at(0.6, 0.4), steps=3)
    page.mouse.up()
    page.locator(".edge").first.wait_for()
    page.mouse.move(*at(0.5, 0.45))  # inside the span, in the row of the mouth: a key, dragged to the top
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.1), steps=5)
    page.mouse.up()
    page.locator(".key").wait_for()
    page.locator(".row").filter(has_text=who).get_by_role("button", name="Press to see its nod").click()
    page.mouse.click(*at(0.55, 0.82))  # in the row of the head, which shows its nod now
    page.locator(".key").nth(1).wait_for()
    page.get_by_role("button", name="Make this span again", exact=True).first.click()
    page.get_by_text("The sound is the same to the last sample.").wait_for()
    page.get_by_role("button", name="Play both").click()
    page.locator("video.before").wait_for()
    page.locator("video.after").wait_for()  # by itself, once the first has ended
    assert not page.locator("video.before").is_visible()
    now = Project(project.folder)
    after = newest_lanes(now)
    assert after.current and after.job.id != before.job.id
    (span,) = now.scene.script[0].retakes
    key, nod = sorted(span.keys, key=lambda key: key.channel, reverse=True)
    assert key.channel == "jawOpen" and key.value == pytest.approx(0.7, abs=0.05)
    assert nod.channel == "headNod" and 0 < nod.value < 10
    line = after.line(project.line_ids()[0])
    first, stop = (round(25 * (line["start"] + at)) for at in (span.start - 0.12, span.end + 0.12))
    for old, new in zip(before.data["people"], after.data["people"], strict=True):
        for name in ("mouth", "blink", "turn", "nod", "tilt"):
            same = [a == b for a, b in zip(old[name], new[name], strict=True)]
            assert all(same) if old["name"] != who else all(same[:first]) and all(same[stop:])
        if old["name"] == who:
            for lane, set_key in (("mouth", key), ("nod", nod)):
                at_key = new[lane][round(25 * (line["start"] + set_key.at))]
                assert at_key == pytest.approx(set_key.value, abs=2e-3)
    pieces = {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}
    assert kept.items() <= pieces.items() and len(pieces) == len(kept) + 1, "only the span was made"
    changes = json.loads(jobs(project)[0].status().results["changes"].read_text())
    assert {(item["who"], item["what"]) for item in changes} == {(who, "motion")}
    page.get_by_role("button", name="Back to before").click()
    eventually(lambda: not Project(project.folder).scene.script[0].retakes)
    page.locator(".redone").wait_for(state="detached")


def test_an_amount_changes_the_curve_at_once_and_is_proved_on_the_face(page, editor, small) -> None:
    project = long_line(small)
    who = project.scene.script[0].who
    visit(page, editor, "lips", project)
    slider = page.get_by_label(f"{who}: Mouth")
    slider.wait_for()
    lane = page.locator(".row").filter(has_text=who)
    curve = lane.locator("path").nth(2)
    before = curve.get_attribute("d")
    slider.evaluate("input => { input.value = 0.5; input.dispatchEvent(new Event('input')); }")
    assert curve.get_attribute("d") != before, "before anything is asked of the server"
    assert project.scene.cast[project.scene.find(who)].mouth == 1
    slider.evaluate("input => input.dispatchEvent(new Event('change'))")
    page.get_by_text(f"{who}: widest mouth, shut lids, farthest turn").wait_for()
    assert Project(project.folder).scene.cast[project.scene.find(who)].mouth == 0.5


def test_a_motion_file_moves_somebody_and_is_taken_back(page, editor, small, tmp_path: Path) -> None:
    write_arkit_csv(tmp_path / "take.csv", np.full((50, N_CHANNELS), 0.25))
    (tmp_path / "jaw.csv").write_text("Frame,JawOpen\n0,0.5\n")
    first = small.scene.cast[0].name

    def moved() -> dict[str, str]:
        return Project(small.folder).scene.cast[0].motion.files

    def bring(name: str) -> None:
        if not use.is_visible():  # the page closes it when what stands above it changes
            page.get_by_text("Motion from a file", exact=True).click()
        use.wait_for()
        page.locator("input[type=file]").set_input_files(str(tmp_path / name))
        page.get_by_text(name, exact=True).wait_for()
        use.click()

    use = page.get_by_role("button", name="Use this motion")
    visit(page, editor, "lips", small)
    eventually(lambda: newest_lanes(small) is not None, 240)  # made on the first visit, slowly where much else runs
    page.locator(".line button").first.wait_for()
    bring("jaw.csv")
    page.get_by_text("jaw.csv lacks").wait_for()
    page.get_by_text("jaw.csv", exact=True).wait_for(state="detached")  # the refused file is gone from a fresh field
    assert moved() == {} and use.is_visible()
    bring("take.csv")
    eventually(lambda: moved() == {"brows": "media/take.csv", "eyes": "media/take.csv"})
    page.get_by_text(f"{first}: brows and eyes from take.csv, 2.0 s", exact=True).wait_for()
    page.get_by_role("button", name="By the voice again").click()
    eventually(lambda: moved() == {})


def test_blinks_and_attitude_are_set_for_each_of_the_cast(page, editor, small) -> None:
    who = small.scene.cast[0].name

    def member() -> Character:
        return Project(small.folder).scene.cast[0]

    def opened() -> None:
        page.locator('[data-test-script-state="notRunning"]').wait_for()  # each change brings fresh fields
        if not field.is_visible():  # the page closes it when what stands above it changes
            page.get_by_text("Blinks and listening", exact=True).click()
        field.wait_for()

    field = page.get_by_role("spinbutton", name="Blinks a minute").first
    visit(page, editor, "lips", small)
    eventually(lambda: newest_lanes(small) is not None, 240)
    page.locator(".line button").first.wait_for()
    opened()
    page.get_by_role("radio", name="positive").first.click()
    eventually(lambda: member().attitude == "positive")
    page.get_by_text("The script was changed since").wait_for()
    opened()
    field.fill("12")
    field.press("Enter")
    eventually(lambda: member().blinks == 12)
    assert member().name == who and member().attitude == "positive"
    opened()
    field.fill("")
    field.press("Enter")
    eventually(lambda: member().blinks is None)
