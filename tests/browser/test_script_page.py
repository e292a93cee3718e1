"""Who says a line and whose face it comes out of, chosen on the page Script in a real browser."""

from __future__ import annotations

import pytest
from browser_pages import eventually, visit

from studio.project.project import Project
from studio.scene.schema import ScriptLine

pytestmark = pytest.mark.slow


def first_line(project: Project) -> ScriptLine:
    return Project(project.folder).scene.script[0]


def opened(page, editor, project: Project) -> None:
    """The page Script with the first line's panel open."""
    visit(page, editor, "script", project)
    page.get_by_role("button", name="More about line 1").click()


def test_a_line_is_said_by_several(page, editor, small) -> None:
    first = small.scene.script[0].who
    second = next(member.name for member in small.scene.cast if member.name != first)
    opened(page, editor, small)
    page.get_by_label("Who says line 1 too").get_by_label(second).check()
    eventually(lambda: first_line(small).speakers == (first, second))
    page.get_by_text(f"+ {second}", exact=True).wait_for()
    page.get_by_label("Who says line 1", exact=True).select_option(second)
    eventually(lambda: first_line(small).speakers == (second,))
    page.get_by_role("button", name="Undo").first.click()
    eventually(lambda: first_line(small).speakers == (first, second))


def test_a_line_comes_out_of_another_face(page, editor, small) -> None:
    first, second = (member.name for member in small.scene.cast[:2])
    opened(page, editor, small)
    page.get_by_label("Whose face says line 1").get_by_label(second).check()
    eventually(lambda: first_line(small).faces == (second,))
    page.get_by_text(f"→ {second}", exact=True).wait_for()
    page.get_by_label("Whose face says line 1").get_by_label(first).check()
    eventually(lambda: first_line(small).faces == (first, second))
    page.get_by_label("Whose face says line 1").get_by_label(second).uncheck()
    eventually(lambda: first_line(small).faces == (first,))
    assert first_line(small).speakers == small.scene.script[0].speakers
