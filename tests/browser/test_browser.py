"""What a person does, in a real browser: from the start page to the exported archive."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser_pages import LENGTH, eventually, visit

from generation.core.assets import asset
from studio.editing.cast_edits import with_character
from studio.jobs.queue import jobs
from studio.project.project import Project

pytestmark = pytest.mark.slow


def drag(page, places: list[tuple[float, float]], size: tuple[int, int]) -> None:
    """Press, move and release on the picture, at places in its own pixels."""
    box = page.locator(".stage").bounding_box()
    at = [(box["x"] + x * box["width"] / size[0], box["y"] + y * box["height"] / size[1]) for x, y in places]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def film(page, editor, project: Project) -> None:
    """Open the page Video and have a draft made there, unless there is one."""
    visit(page, editor, "video", project)
    page.get_by_text("Quality and label").click()
    page.get_by_text("Draft", exact=True).click()
    page.get_by_text("A draft takes about").wait_for()
    if not jobs(project):
        page.get_by_role("button", name="Make the video").click()
    page.locator(".player video").wait_for()


def test_picture_faces_claim_voice(page, editor) -> None:
    page.goto(editor.address)
    page.get_by_text("New project", exact=True).click()
    page.get_by_label("Name", exact=True).fill("From a picture")
    page.locator("input[type=file]").first.set_input_files(str(asset("scenes/cafe/picture.png")))
    page.get_by_text("picture.png").wait_for()
    page.get_by_role("button", name="Create").click()
    page.locator(".free").first.wait_for()
    assert page.locator(".free").count() == 3
    page.get_by_text("Nobody real: drawn or generated").click()
    page.get_by_text("Who is in this picture?").wait_for(state="detached")
    page.locator(".free").nth(1).click()
    page.locator("[data-region]").first.wait_for()
    project = editor.projects.open("From a picture")
    assert project.scene.consent == "drawn"
    assert [member.name for member in project.scene.cast] == ["Person 1"]
    page.get_by_test_id("stSelectbox").first.click()
    page.get_by_role("option").nth(5).click()
    eventually(lambda: editor.projects.open("From a picture").scene.cast[0].voice != project.scene.cast[0].voice)


def test_a_stroke_of_the_brush_is_on_disk(page, editor, small) -> None:
    visit(page, editor, "cast", small)
    page.locator("[data-region]").first.wait_for()
    page.get_by_role("button", name="Brush").click()
    drag(page, [(20, 20), (60, 24), (90, 30)], (640, 360))
    eventually(lambda: Project(small.folder).scene.cast[0].mask != small.scene.cast[0].mask)
    page.get_by_role("button", name="Undo").click()
    eventually(lambda: Project(small.folder).scene.cast[0].mask == small.scene.cast[0].mask)


def test_three_clicks_mark_a_face_that_is_not_found(page, editor) -> None:
    drawing = np.full((480, 640, 3), 235, np.uint8)
    cv2.circle(drawing, (320, 300), 150, (90, 120, 200), 4)
    project = editor.projects.create("Marked by hand")
    picture = project.add_media(cv2.imencode(".png", drawing)[1].tobytes(), "drawing.png")
    scene = project.scene.model_copy(update={"picture": picture, "consent": "drawn"})
    project.edit(with_character(scene)[0], "Picture")
    visit(page, editor, "cast", project)
    page.get_by_role("button", name="Eyes and mouth").click()
    for sentence, place in (
        ("Click the middle of the eye on the left side of the picture", (255, 250)),
        ("Click the middle of the other eye", (385, 250)),
        ("Click the middle of the mouth", (320, 388)),
    ):
        page.get_by_text(sentence).wait_for()
        drag(page, [place], (640, 480))
    eventually(lambda: Project(project.folder).scene.rig is not None)
    page.locator("[data-point=chin]").wait_for()
    assert page.locator("[data-point]").count() == 10


def test_a_refused_box_says_so_and_changes_nothing(page, editor, small) -> None:
    visit(page, editor, "cast", small)
    page.locator("[data-region]").first.wait_for()
    page.get_by_role("button", name="Box").click()
    drag(page, [(3, 3), (320, 200), (655, 375)], (640, 360))  # from inside the round corner to beyond the other
    page.get_by_text("covers the whole picture").wait_for()
    assert Project(small.folder).revision == small.revision


def test_a_broken_upload_is_one_sentence(page, editor, small, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(asset("scenes/cafe/picture.png").read_bytes()[:5000])
    visit(page, editor, "cast", small)
    page.get_by_text("Another picture").click()
    page.locator("input[type=file]").first.set_input_files(str(broken))
    page.get_by_text("broken.png is broken or cut off").wait_for()
    assert Project(small.folder).revision == small.revision


def test_two_tabs_show_the_same_project(page, editor, small) -> None:
    visit(page, editor, "script", small)
    other = page.context.new_page()
    visit(other, editor, "script", small)
    page.get_by_label("Line 1", exact=True).wait_for()
    other.get_by_label("Line 1", exact=True).wait_for(timeout=240_000)
    page.get_by_label("Line 1", exact=True).fill("Written in the first window.")
    page.get_by_label("Line 1", exact=True).press("Enter")
    text = "Written in the first window."
    eventually(lambda: other.get_by_label("Line 1", exact=True).input_value() == text)
    other.get_by_role("button", name="Undo").click()
    eventually(lambda: page.get_by_label("Line 1", exact=True).input_value() == "Hello.")


def test_hear_a_line(page, editor, small) -> None:
    visit(page, editor, "script", small)
    page.get_by_label("Line 1", exact=True).fill("Hello there.")
    page.get_by_role("button", name="Hear line 1").click()  # what was typed goes along with the click
    page.locator(".heard audio[src]").wait_for()
    project = Project(small.folder)
    assert project.scene.script[0].text == "Hello there."
    assert page.locator(".words span").all_inner_texts() == ["Hello", "there."]
    assert page.locator(".heard audio").evaluate(LENGTH) > 0.2
    assert len(project.takes(project.line_ids()[0])) == 1


def test_a_job_survives_a_reload_and_is_cancelled(page, editor) -> None:
    project = editor.projects.create_sample("Long")  # at its full size, so that there is something to cancel
    visit(page, editor, "video", project)
    page.get_by_role("button", name="Make the video").click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.reload()
    page.get_by_role("button", name="Cancel").wait_for()
    job = jobs(project)[0]
    eventually(lambda: job.status().stage == "rendering", 240)
    page.get_by_role("button", name="Cancel").click()
    eventually(lambda: job.cancel_asked)
    asked = time.monotonic()
    eventually(lambda: job.status().ended, 30)
    assert time.monotonic() - asked < 5  # promised are 3 s; the page's own turn comes on top
    assert job.status().state == "cancelled"
    page.get_by_text("was cancelled").wait_for()


def test_edit_one_line_and_only_it_is_made_again(page, editor, filmed) -> None:
    film(page, editor, filmed)
    kept = {path.name for path in (filmed.folder / "work").glob("*.npz")}
    page.get_by_role("link", name="Script").click()
    page.get_by_label("Line 2", exact=True).fill("Good evening.")
    page.get_by_label("Line 2", exact=True).press("Enter")
    eventually(lambda: Project(filmed.folder).scene.script[1].text == "Good evening.")
    page.get_by_role("link", name="Video").click()
    page.get_by_text("The scene was changed since").wait_for()
    page.get_by_role("button", name="Make the video").click()
    page.get_by_text("The scene was changed since").wait_for(state="detached")
    page.locator(".player video").wait_for()
    now = {path.name for path in (filmed.folder / "work").glob("*.npz")}
    assert kept < now and len(now - kept) == 1, "the other lines come from the kept pieces"


def test_export_everything(page, editor, filmed, tmp_path: Path) -> None:
    film(page, editor, filmed)
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything as one archive").click()
    download.value.save_as(tmp_path / "all.zip")
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    for suffix in (".mp4", ".srt", ".vtt", ".otio", "Nora.wav", "Theo.csv", "June.json"):
        assert any(name.endswith(suffix) for name in names), (suffix, names)


def test_first_video_in_three_clicks(shipped_page, shipped) -> None:
    page, clicks = shipped_page, 0

    def click(name: str) -> None:
        nonlocal clicks
        clicks += 1
        page.get_by_role("button", name=name).click()

    page.goto(shipped.address)
    click("Open the sample scene")
    click("Make the video")
    page.locator(".player video").wait_for(timeout=1_800_000)
    assert page.locator(".player video").evaluate(LENGTH) > 8
    assert clicks <= 3
    assert page.locator(".player video").evaluate("video => [video.videoWidth, video.error]") == [1280, None]


def test_an_idle_page_costs_next_to_nothing(page, editor, small) -> None:
    import psutil

    visit(page, editor, "script", small)
    page.get_by_label("Line 1", exact=True).wait_for()
    page.wait_for_timeout(5000)
    process = psutil.Process(editor.process.pid)
    before = sum(process.cpu_times()[:2])
    page.wait_for_timeout(30_000)
    assert (sum(process.cpu_times()[:2]) - before) / 30 < 0.02
