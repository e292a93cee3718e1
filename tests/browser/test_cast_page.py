"""The page Cast in a real browser: the language that a member of the cast speaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import choose, eventually, visit
from clips import write_clip

from studio.export.provenance import ALTERED, verify
from studio.project.project import Project
from studio.scene.schema import ScriptLine

pytestmark = pytest.mark.slow


def languages(project: Project) -> list[str | None]:
    return [member.language for member in Project(project.folder).scene.cast]


def test_each_member_of_the_cast_gets_a_language(page, editor, small) -> None:
    nobody = [None] * len(small.scene.cast)
    line = small.scene.script[0].model_copy(update={"who": small.scene.cast[1].name, "text": "Son las 5."})
    small.edit(small.scene.model_copy(update={"script": (line, *small.scene.script[1:])}), "Words")
    visit(page, editor, "cast", small)
    page.locator("[data-region]").first.wait_for()
    page.get_by_test_id("stButtonGroup").get_by_text(small.scene.cast[1].name, exact=True).click()
    page.get_by_label("Name", exact=True).and_(page.locator(f"[value={small.scene.cast[1].name}]")).wait_for()
    choose(page, "Language", "Spanish")
    eventually(lambda: languages(small) == [None, "es", *nobody[2:]])
    visit(page, editor, "script", small)
    page.get_by_text("read as: Son las cinco.", exact=True).wait_for()
    page.get_by_role("button", name="Undo").first.click()
    eventually(lambda: languages(small) == nobody)
    page.get_by_text("read as: Son las five.", exact=True).wait_for()


def test_a_video_is_dropped_and_its_people_are_claimed_dubbed_and_seen(page, editor, tmp_path: Path) -> None:
    project = editor.projects.create("Interview")
    visit(page, editor, "cast", project)
    page.locator("input[type=file]").first.set_input_files(str(write_clip(tmp_path / "two.mp4")))
    page.get_by_text("Nobody real: drawn or generated", exact=True).click()
    page.get_by_text("Frames of the video, with everybody's number", exact=True).wait_for()
    for number in (1, 2):
        choose(page, f"Person {number} (from 0.0 s, on the {'left' if number == 1 else 'right'})", "Somebody new")
        eventually(lambda n=number: [m.person for m in Project(project.folder).scene.cast] == list(range(1, n + 1)))
    scene = Project(project.folder).scene
    lines = tuple(ScriptLine(who=m.name, text="Yes.", start=0.2 + n) for n, m in enumerate(scene.cast))
    Project(project.folder).edit(scene.model_copy(update={"script": lines}), "Lines")
    visit(page, editor, "video", project)
    page.get_by_role("button", name="Make the video").click()
    page.locator(".player video").wait_for()
    (made,) = [path for path in project.folder.rglob("*.mp4") if path.parent.name == "out"]
    assert verify(made).record["mark"] == ALTERED
