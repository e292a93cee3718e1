"""Fine-tuning in a real browser: clips dropped, bad ones named, a tiny adapter trained, and a line heard with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import eventually, held, visit
from sounds import wav

from studio.editor import finetuning, voice_preview
from studio.jobs.queue import jobs
from studio.project.project import Project

pytestmark = pytest.mark.slow


def heard(page, project: Project) -> bytes:
    """Press the button; the sound that comes, which the page plays."""
    before = {job.id for job in jobs(project)}
    page.get_by_role("button", name="Hear it").click()
    eventually(lambda: any(job.id not in before for job in jobs(project)))
    job = voice_preview.latest(Project(project.folder), 0)
    eventually(lambda: job.status().state == "done", 240)
    page.locator("audio[src]").first.wait_for()
    return job.status().results["sound"].read_bytes()


def fill(page, clips: list[Path]) -> None:
    """Drop the clips, and write what is said in them."""
    page.get_by_text("Train a style", exact=True).click()
    files = page.get_by_test_id("stFileUploader").filter(has_text="Clips").locator("input[type=file]")
    files.set_input_files([str(clip) for clip in clips])
    words = page.get_by_label("What is said in them", exact=True)
    words.fill("\n".join(f"{clip.stem}: one two three" for clip in clips))
    words.press("Tab")
    page.get_by_label("Name of the style").fill("Old friend")
    page.get_by_text("Nobody's: made by a machine").click()


def test_a_tiny_style_is_trained_from_the_page_and_heard(page, editor, small, tmp_path: Path) -> None:
    clips = [tmp_path / f"take-{number}.wav" for number in range(4)]
    for number, clip in enumerate(clips):
        clip.write_bytes(wav(6.0 + 0.2 * number))
    bad = tmp_path / "broken.wav"
    bad.write_bytes(b"no sound at all")
    visit(page, editor, "cast", small)
    page.locator("[data-region]").first.wait_for()
    plain = heard(page, small)
    fill(page, [*clips, bad])
    page.get_by_role("button", name="Look at the clips").click()
    page.get_by_text("broken.wav cannot be read as sound").wait_for()
    page.get_by_text("4 pieces of together").wait_for()
    assert held(small) == {}, "nothing is trained yet"
    page.get_by_text("Short: about").click()
    page.get_by_role("button", name="Train Old-friend").click()
    page.get_by_text("is being trained").wait_for()
    page.get_by_label("Name", exact=True).click()  # the page stays usable
    eventually(lambda: held(small) == {"media/Old-friend.safetensors": 1.0}, 240)
    page.get_by_text("Styles: Old friend (own file) 1", exact=True).wait_for()
    page.get_by_text("On clips kept back from training").wait_for()
    assert page.locator("audio[src]").count() == 2, "before and after; the audition without the style is gone"
    job = finetuning.latest_job(small, 0)
    assert job.kind == "finetune" and job.status().state == "done"
    assert heard(page, small) != plain
    page.get_by_role("button", name="Undo").click()
    eventually(lambda: held(small) == {})


def test_a_training_is_stopped_within_three_seconds(page, editor, small, tmp_path: Path) -> None:
    clips = [tmp_path / f"take-{number}.wav" for number in range(4)]
    for number, clip in enumerate(clips):
        clip.write_bytes(wav(6.0 + 0.2 * number))
    visit(page, editor, "cast", small)
    fill(page, clips)
    page.get_by_role("button", name="Look at the clips").click()
    page.get_by_text("4 pieces of together").wait_for()
    page.get_by_role("button", name="Train Old-friend").click()
    eventually(lambda: finetuning.latest_job(small, 0).kind == "finetune")
    job = finetuning.latest_job(small, 0)
    eventually(lambda: job.status().stage == "learn" and job.status().share > 0.001, 240)
    job.cancel()
    eventually(lambda: job.status().state == "cancelled", 3)
    page.get_by_role("button", name="Try again").wait_for()
    assert held(small) == {}
