"""The page Cast in a real browser: the language that a member of the cast speaks."""

from __future__ import annotations

import pytest
from browser_pages import choose, eventually, visit

from studio.project.project import Project

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
