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


def test_a_line_shows_how_it_is_read_and_a_word_is_corrected_everywhere(page, editor, small) -> None:
    line = small.scene.script[0]
    written = line.model_copy(update={"text": "[softly] Ask Siobhan at 5 pm."})
    small.edit(small.scene.model_copy(update={"script": (written, *small.scene.script[1:])}), "Words")
    opened(page, editor, small)
    page.get_by_text("read as: Ask Siobhan at five P M.", exact=True).wait_for()
    page.get_by_label("A word of line 1").fill("Siobhan")
    page.get_by_label("What it sounds like, in line 1").fill("shi-VAWN")
    page.get_by_role("button", name="Correct everywhere").first.click()
    eventually(lambda: Project(small.folder).scene.lexicon == {"Siobhan": "ʃivˈɔːn"})
    page.get_by_text("read as: Ask Siobhan /ʃivˈɔːn/ at five P M.", exact=True).wait_for()
    page.screenshot(path=str(small.folder / "page.png"), full_page=True)
    page.get_by_text("Words that are said otherwise (1)").click()
    page.get_by_role("button", name="Take away").click()
    eventually(lambda: Project(small.folder).scene.lexicon == {})


def test_a_screenplay_is_dropped_as_a_file(page, editor, small) -> None:
    first, second = (member.name for member in small.scene.cast[:2])
    text = f"INT. KITCHEN - DAY\n\n{first.upper()}\n(softly)\nGood morning.\n\n{second.upper()}\nHello.\n"
    visit(page, editor, "script", small)
    page.get_by_text("Paste or drop a script").click()
    file = {"name": "play.txt", "mimeType": "text/plain", "buffer": text.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("play.txt").wait_for()
    page.get_by_role("button", name="Use as the script").click()
    eventually(lambda: len(Project(small.folder).scene.script) == 2)
    assert first_line(small).text == "[softly] Good morning." and first_line(small).note == "INT. KITCHEN - DAY"
    page.get_by_text("2 lines read from a screenplay; 1 note kept, which nobody speaks.").wait_for()
    page.get_by_text("INT. KITCHEN - DAY", exact=True).wait_for()
    page.screenshot(path=str(small.folder / "page.png"), full_page=True)


def test_a_line_gets_a_language(page, editor, small) -> None:
    line = small.scene.script[0]
    written = line.model_copy(update={"text": "Son las 5."})
    small.edit(small.scene.model_copy(update={"script": (written, *small.scene.script[1:])}), "Words")
    opened(page, editor, small)
    page.get_by_label("Language of line 1").select_option("es")
    eventually(lambda: first_line(small).language == "es")
    page.get_by_text("read as: Son las cinco.", exact=True).wait_for()
    page.get_by_label("Language of line 1").select_option("")
    eventually(lambda: first_line(small).language is None)
