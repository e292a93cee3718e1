"""Scenes whose picture is a video: who in it is who, what the check refuses, and how lines lie on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from clips import FIRST_SHOT, N_FRAMES, write_clip
from durations import SevenEach

from generation.core.ffmpeg import run_ffmpeg
from studio.cast.clip_people import SceneClip, look_at_clip
from studio.cast.face_assignment import assign_faces
from studio.core.problems import DocumentError
from studio.scene.schema import Scene
from studio.timeline.timeline import Speaker, Timeline, build_timeline
from studio.timeline.video_gaps import MOST_FASTER
from studio.validation.scene_check import Report, check_scene


def scene(*cast: dict[str, Any], **keys: object) -> dict[str, Any]:
    members = cast or ({"name": "ANNA"}, {"name": "BOB"})
    lines = [{"who": members[0]["name"], "text": "Good morning.", "start": 0.2}]
    data = {"picture": "two.mkv", "consent": "drawn", "script": lines} | keys
    return data | {"cast": [{"voice": "Alice"} | member for member in members]}


def check(folder: Path, data: dict[str, Any]) -> Report:
    path = folder / "scene.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return check_scene(path)


@pytest.fixture
def folder(clip_path: Path, tmp_path: Path) -> Path:
    shutil.copy(clip_path, tmp_path / "two.mkv")
    return tmp_path


def people(folder: Path, *cast: dict[str, Any]) -> tuple[dict[str, int | None], list[str]]:
    """The person of the video that each of the cast is, from 0, and what is said."""
    made = Scene.model_validate(scene(*cast))
    assignment, problems = assign_faces(made, folder)
    assert assignment is not None
    return {made.cast[p.character].name: p.person for p in assignment.assigned}, [p.sentence for p in problems]


def test_people_are_found_and_kept(clip: SceneClip, clip_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [len(person.frames) for person in clip.track.people] == [FIRST_SHOT, N_FRAMES]
    assert clip.track.cuts == (FIRST_SHOT,) and clip.track.n_frames == N_FRAMES
    monkeypatch.setattr("studio.cast.clip_people._HELD", {})
    monkeypatch.setattr("masks.tracking.people.PeopleTracker.track", None)  # it is not asked again
    again = look_at_clip(clip_path)
    np.testing.assert_array_equal(again.track.people[1].points, clip.track.people[1].points)
    small = clip.reduced(108)
    assert small.first.shape == (108, 144, 3)
    np.testing.assert_allclose(small.track.people[0].points, clip.track.people[0].points / 2, rtol=1e-5)


def test_the_cast_are_people_by_order_number_or_place(folder: Path, clip: SceneClip) -> None:
    assert people(folder, {"name": "ANNA"}, {"name": "BOB"}) == ({"ANNA": 0, "BOB": 1}, [])
    assert people(folder, {"name": "ANNA", "person": 2}, {"name": "BOB"}) == ({"ANNA": 1, "BOB": 0}, [])
    left, top, right, bottom = (float(v) for v in _box(clip, 1))
    placed = {"name": "ANNA", "region": [left - 9, top - 9, right + 9, bottom + 9]}
    assert people(folder, placed, {"name": "BOB"}) == ({"ANNA": 1, "BOB": 0}, [])
    # one of the two alone: who is seen longer and larger is not clear enough
    found, said = people(folder, {"name": "ANNA"})
    assert found == {} and len(said) == 1
    assert "which of 2 people of the video is ANNA: person 1 (from 0.0 s, on the left)" in said[0]


def _box(clip: SceneClip, number: int) -> np.ndarray:
    points = clip.track.people[number].points[0][:, :2]
    return np.concatenate([points.min(0), points.max(0)])


@pytest.mark.parametrize(
    ("cast", "said"),
    [
        ([{"name": "ANNA", "person": 3}], "there is no person 3"),
        ([{"name": "ANNA", "person": 1}, {"name": "BOB", "person": 1}], "claims the same person of the video as ANNA"),
        ([{"name": "ANNA", "region": [120, 150, 160, 200]}, {"name": "BOB"}], "nobody of the video is inside"),
        ([{"name": n} for n in ("ANNA", "BOB", "CARL")], "only 2 people are found in the video 'two.mkv'"),
        ([{"name": "ANNA", "eyes_and_mouth": [[1, 1], [9, 1], [5, 5]]}, {"name": "BOB"}], "is of no use in a video"),
    ],
)
def test_claims_that_cannot_be_met_are_named(folder: Path, cast: list[dict[str, Any]], said: str) -> None:
    _, told = people(folder, *cast)
    assert len(told) == 1 and said.casefold() in told[0].casefold()


def test_people_who_are_nobodys_are_said(folder: Path) -> None:
    both = check(folder, scene())
    assert both.problems == () and both.warnings == () and both.seconds == N_FRAMES / 25
    one = check(folder, scene({"name": "ANNA", "person": 1}))
    assert one.problems == () and one.warnings == ()  # who is meant was said


def test_consent_is_asked_as_for_a_picture(folder: Path) -> None:
    data = scene()
    del data["consent"]
    assert [p.where for p in check(folder, data).problems] == [("consent",)]
    assert "statement" in check(folder, scene(consent="agreed")).problems[0].sentence


def _bad_clips(path: Path) -> dict[str, bytes]:
    grey = tuple(np.full((96, 128, 3), 90 + i, np.uint8) for i in range(50))
    nobody = write_clip(path / "grey.mkv", grey).read_bytes()
    small = write_clip(path / "small.mkv", tuple(frame[:32, :32] for frame in grey)).read_bytes()
    return {"nobody": nobody, "small": small, "text": b"no video at all" * 40, "empty": b"", "cut": nobody[:600]}


@pytest.mark.parametrize("kind", ["nobody", "small", "text", "empty", "cut"])
def test_bad_clips_are_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "two.mkv").write_bytes(_bad_clips(tmp_path)[kind])
    report = check(tmp_path, scene({"name": "ANNA"}))
    wanted = {"nobody": "no face is found in the video", "small": "a video needs at least 64 pixels"}
    (problem,) = report.problems
    said = wanted.get(kind, "the video two.mkv")
    assert problem.part == "picture" and said.casefold() in problem.sentence.casefold()
    assert len(problem.sentence) < 200 and "\n" not in problem.sentence


@pytest.mark.parametrize(
    "options",
    [["-an"], ["-pix_fmt", "yuv420p10le", "-c:v", "libx265"], ["-r", "60"], ["-vf", "fps=60,select='mod(n,7)'",
     "-fps_mode", "vfr"]],
    ids=["no sound", "10 bit", "60 frames a second", "varying rate"],
)  # fmt: skip
def test_unusual_clips_work(folder: Path, options: list[str]) -> None:
    made = ["-i", str(folder / "two.mkv"), *options, str(folder / "other.mp4")]
    run_ffmpeg(made, "no video")
    report = check(folder, scene(picture="other.mp4"))
    assert report.problems == () and abs(report.seconds - N_FRAMES / 25) <= 0.04
    assert report.assignment is not None and len(report.assignment.assigned) == 2


def test_sound_that_cannot_be_read_is_said_before_any_work(folder: Path) -> None:
    run_ffmpeg(["-i", str(folder / "two.mkv"), "-c:v", "copy", "-ar", "2000", "-c:a", "pcm_s16le",
                str(folder / "low.mkv")], "no video")  # fmt: skip
    (problem,) = check(folder, scene(picture="low.mkv")).problems
    assert "2000 samples a second" in problem.sentence and "ambience: 0" in problem.sentence
    assert check(folder, scene(picture="low.mkv", ambience=0)).problems == ()


def test_keys_of_videos_are_refused_beside_a_picture(folder: Path) -> None:
    from scene_fixtures import two_faces

    data = two_faces(folder) | {"ambience": 0.5, "silent": "close"}
    assert [p.where for p in check(folder, data).problems] == [("ambience",), ("silent",)]
    with_person = two_faces(folder)
    with_person["cast"][0]["person"] = 1
    assert [p.where for p in check(folder, with_person).problems] == [("cast", 0, "person")]


def laid(n_frames: int, *script: dict[str, Any]) -> Timeline:
    document = Scene.model_validate(scene(script=list(script)))
    return build_timeline(document, [Speaker(None)] * 2, SevenEach(), lambda line: np.zeros(1), n_frames=n_frames)


def test_a_line_longer_than_its_gap_is_spoken_faster() -> None:
    text = "Seven small boats go by."
    alone = laid(500, {"who": "ANNA", "text": text, "start": 1}).lines[0]
    later = {"who": "ANNA", "text": "Yes.", "start": 1 + (alone.n_frames - 4) / 25}
    made = laid(500, {"who": "ANNA", "text": text, "start": 1}, later)
    assert made.n_frames == 500
    assert made.lines[0].start == 25 and alone.n_frames / MOST_FASTER - 1 <= made.lines[0].n_frames < alone.n_frames
    assert made.lines[0].stop <= made.lines[1].start
    # at the end of the video too, and before somebody else's line where that is enough
    assert laid(25 + alone.n_frames - 4, {"who": "ANNA", "text": text, "start": 1}).lines[0].stop <= 21 + alone.n_frames
    other = laid(500, {"who": "ANNA", "text": text, "start": 1}, later | {"who": "BOB"})
    assert other.lines[0].stop <= other.lines[1].start
    over = {"who": "BOB", "text": "Yes.", "start": 1 + alone.n_frames / 3 / 25}
    assert laid(500, {"who": "ANNA", "text": text, "start": 1}, over).lines[0].n_frames == alone.n_frames


def test_a_line_that_no_pace_fits_is_named(folder: Path) -> None:
    text = "Seven small boats go by, and nobody knows where they come from."
    with pytest.raises(DocumentError, match="ANNA would say both at"):
        laid(500, {"who": "ANNA", "text": text, "start": 1}, {"who": "ANNA", "text": "Yes.", "start": 1.4})
    with pytest.raises(DocumentError, match=r"line 1 \(ANNA\) ends at .* and the video at 2.00 s"):
        laid(50, {"who": "ANNA", "text": text, "start": 1})
    report = check(folder, scene(script=[{"who": "ANNA", "text": 3 * text, "start": 0.2}]))
    assert "and the video at 2.40 s" in report.problems[0].sentence
    report = check(folder, scene(script=[{"who": "ANNA", "text": "Seven small boats go by now.", "start": 0.6}]))
    assert report.problems == () and "spoken faster" in report.warnings[0].sentence
