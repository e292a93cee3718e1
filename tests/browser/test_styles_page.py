"""Styles in a real browser: one is chosen, its slider moved, heard, taken off and brought back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adapter_fixtures import write_adapter
from browser_pages import LENGTH, choose, eventually, held, visit

from generation.voices.bank import VoiceBank
from studio.editor import voice_preview
from studio.project.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shelf(tiny_assets: Path) -> Path:
    """Two styles for the tiny models."""
    folder, voices = tiny_assets / "adapters", VoiceBank.load().names
    slow = json.dumps({"tempo": 0.6})
    write_adapter(folder / "weary.safetensors", 0, voices=voices, languages=True, does="Slow and low.", delivery=slow)
    write_adapter(folder / "shy.safetensors", 1, "motion", voices=voices, languages=True, does="Looks aside.")
    return folder


def heard(page, project: Project) -> float:
    """Press the button; seconds of what comes."""
    page.get_by_role("button", name="Hear it").click()
    eventually(lambda: (job := voice_preview.latest(Project(project.folder), 0)) and job.status().state == "done", 240)
    page.locator("audio[src]").wait_for()
    return page.locator("audio[src]").evaluate(LENGTH)


def test_a_style_is_chosen_moved_heard_and_undone(page, editor, small, shelf) -> None:
    visit(page, editor, "cast", small)
    page.locator("[data-region]").first.wait_for()
    plain = heard(page, small)
    page.get_by_text("Styles", exact=True).click()
    choose(page, "Style", "Weary: Slow and low.")
    eventually(lambda: held(small) == {"weary": 1.0})
    page.get_by_text("Styles: Weary 1", exact=True).wait_for()
    strength = page.get_by_role("slider", name="Weary")
    strength.wait_for()
    assert page.locator("audio[src]").count() == 0, "what it sounded like before is no longer played"
    strength.press("ArrowRight")
    eventually(lambda: held(small) == {"weary": 1.05})
    page.get_by_text("Styles: Weary 1.05", exact=True).wait_for()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # the keyboard is still on the slider
    page.get_by_text("Styles: Weary 0.95", exact=True).wait_for()
    assert held(small) == {"weary": 0.95}
    assert heard(page, small) > 1.3 * plain, "slower"
    choose(page, "Another style", "Shy")
    eventually(lambda: held(small) == {"weary": 0.95, "shy": 1.0})
    page.get_by_role("button", name="Off").nth(1).wait_for()
    page.get_by_role("button", name="Off").first.click()
    eventually(lambda: held(small) == {"shy": 1.0})
    for expected in ({"weary": 0.95, "shy": 1.0}, {"weary": 0.95}):
        page.get_by_role("button", name="Undo").click()
        eventually(lambda expected=expected: held(small) == expected)
    while held(small):
        before = held(small)
        page.get_by_role("button", name="Undo").click()
        eventually(lambda before=before: held(small) != before)
    page.get_by_text("Styles", exact=True).wait_for()


def test_a_style_of_ones_own_is_brought_along_or_refused(page, editor, small, shelf, tmp_path: Path) -> None:
    visit(page, editor, "cast", small)
    page.get_by_text("More about this character").click()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes((shelf / "shy.safetensors").read_bytes()[:3000])
    files = page.get_by_test_id("stFileUploader").filter(has_text="A style from a file").locator("input[type=file]")
    files.set_input_files(str(broken))
    page.get_by_text("is damaged or no adapter of ours").wait_for()
    assert held(small) == {}
    good = tmp_path / "mine.safetensors"
    good.write_bytes((shelf / "shy.safetensors").read_bytes())
    page.locator('[data-test-script-state="notRunning"]').wait_for()  # the refusal brings a fresh place for files
    files.set_input_files(str(good))
    eventually(lambda: held(small) == {"media/mine.safetensors": 1.0})
    page.get_by_text("Styles: Mine (own file) 1", exact=True).wait_for()
