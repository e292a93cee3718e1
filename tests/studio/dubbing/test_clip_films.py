"""Films of a video: which pixels and sounds change, what is kept between renders, and what the file says of itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from clips import FIRST_SHOT, N_FRAMES, SIZE, two_people_frames
from sounds import RATE, syllables

from generation.core.motion import CHANNELS, INDEX, MOUTH
from generation.core.performance import Line, StoredPerformance
from generation.dubbing.clip import RAMP
from generation.motion.tracking import lip_gap
from generation.rendering.controls import CLOSING_REACH
from generation.video.frames import video_frames
from generation.video.probe import probe_video
from masks.landmarks import FaceLandmarker
from studio.cast.clip_people import SceneClip
from studio.cast.face_assignment import FaceAssignment, assign_faces
from studio.core.problems import DocumentError
from studio.core.progress import Cancelled, Status
from studio.dubbing.clip_frames import SHORT_GAP, ClipFrames, mouth_spans, replaced_speech
from studio.dubbing.clip_sound import DUCKED, mix_over_clip, without_speech
from studio.export.provenance import ALTERED, verify
from studio.export.watermark import ALTERED_TEXTS, watermark_box
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

QUICK = RenderSettings(steps=1, device="cpu", lossless=True)


def scene(*lines: tuple[str, float], **keys: object) -> Scene:
    script = [{"who": who, "text": "Good morning.", "start": start} for who, start in lines]
    cast = [{"name": "ANNA", "voice": "Alice"}, {"name": "BOB", "voice": "Arthur"}]
    return Scene.model_validate({"picture": "two.mkv", "consent": "drawn", "cast": cast, "script": script} | keys)


def on_the_clock(made: Scene, n_frames: int = 12, length: int = N_FRAMES) -> Timeline:
    lines = []
    for number, line in enumerate(made.script):
        start = round(25 * (line.start or 0))
        lines.append(Line(str(number), made.find(line.who) or 0, start, n_frames, " ", (4 * n_frames,)))
    return Timeline(tuple(lines), ("",) * len(lines), length)


def performance(folder: Path, length: int = N_FRAMES) -> StoredPerformance:
    made = StoredPerformance.still(("ANNA", "BOB"), length, folder)
    for motion in made.motion:
        values = np.zeros((length, len(CHANNELS)), np.float32)
        values[:, INDEX["jawOpen"]] = 0.4 * np.abs(np.sin(np.arange(length) / 3))
        motion[:] = values
    return made


@pytest.fixture
def assigned(clip_path: Path, clip: SceneClip) -> FaceAssignment:
    assignment, problems = assign_faces(scene(), clip_path.parent)
    assert assignment is not None and not problems
    return assignment


def test_mouths_are_new_where_somebody_has_a_line() -> None:
    near = scene(("ANNA", 0.0), ("ANNA", 1.0), ("BOB", 1.0))
    timeline = on_the_clock(near)
    assert mouth_spans(near, timeline) == {0: [(0, 37)], 1: [(25, 37)]}
    assert replaced_speech(near, timeline) == [(0, 12), (25, 37), (25, 37)]
    far = scene(("ANNA", 0.0), ("ANNA", (12 + SHORT_GAP + 1) / 25))
    assert mouth_spans(far, on_the_clock(far)) == {0: [(0, 12), (13 + SHORT_GAP, 25 + SHORT_GAP)]}
    lent = Scene.model_validate(far.model_dump() | {"script": [{"who": "ANNA", "face": "BOB", "text": "Yes."}]})
    assert mouth_spans(lent, on_the_clock(lent)) == {1: [(0, 12)]}
    closed = scene(("ANNA", 0.0), silent="close")
    assert mouth_spans(closed, timeline) == {0: [(0, N_FRAMES)], 1: [(0, N_FRAMES)]}
    assert replaced_speech(closed, timeline) == [(0, N_FRAMES)]


def test_only_lower_faces_change_and_only_where_somebody_speaks(assigned: FaceAssignment, tmp_path: Path) -> None:
    made = scene(("ANNA", 0.4), ("BOB", 1.6))
    frames = ClipFrames(made, assigned, on_the_clock(made), performance(tmp_path))
    clip = frames.clip
    drawn = list(frames.draw(range(N_FRAMES)))
    for number, (before, after) in enumerate(zip(two_people_frames(), drawn, strict=True)):
        allowed = np.zeros(SIZE, bool)
        for who, (first, stop) in enumerate(((10, 22), (40, 52))):
            points = clip.track.people[who].at(number)
            if points is not None and first - 6 <= number < stop + 6:
                x0, x1 = points[:468, 0].min(), points[:468, 0].max()
                room = 0.3 * (x1 - x0)
                top, bottom = points[[33, 263], 1].mean(), points[152, 1] + room
                allowed[int(top) : int(bottom), max(0, int(x0 - room)) : int(x1 + room)] = True
        changed = (before != after).any(-1)
        assert not changed[~allowed].any(), number
        assert changed.any() == allowed.any(), number
    # any frames again, by themselves
    for again, number in zip(frames.draw([12, 13, 45]), (12, 13, 45), strict=True):
        np.testing.assert_array_equal(again, drawn[number])


def test_an_edit_changes_the_states_around_it_alone(assigned: FaceAssignment, tmp_path: Path) -> None:
    made = scene(("ANNA", 0.0), ("BOB", 2.2))
    before = ClipFrames(made, assigned, on_the_clock(made), performance(tmp_path))
    other = performance(tmp_path)
    values = other.motion[1][:]
    values[:, [name in MOUTH for name in CHANNELS]] *= 0.5
    other.motion[1][:] = values
    after = ClipFrames(made, assigned, on_the_clock(made), other)
    same = [a.tobytes() == b.tobytes() for a, b in zip(before.states(), after.states(), strict=True)]
    untouched = 55 - RAMP - CLOSING_REACH
    assert untouched > 0 and all(same[:untouched]) and not any(same[55:60])
    assert len({state.tobytes() for state in before.states()}) == N_FRAMES
    assert before.appearance == after.appearance
    alone = scene(("ANNA", 0.0))
    assert ClipFrames(alone, assigned, on_the_clock(alone), other).appearance != before.appearance


def level(sound: np.ndarray, first: float, stop: float) -> float:
    return float(np.sqrt(np.mean(sound[round(first * RATE) : round(stop * RATE)] ** 2)))


def test_speech_is_taken_out_where_it_is_replaced() -> None:
    rng = np.random.default_rng(0)
    speech, room = syllables(6.0, level=0.3), 0.004 * rng.standard_normal(6 * RATE).astype(np.float32)
    sound = np.float32(speech + room)
    left = np.zeros_like(sound)
    for rows, piece in without_speech(sound, [(2 * RATE, 4 * RATE)]):
        left[rows] = piece
    np.testing.assert_array_equal(left[: round(1.8 * RATE)], sound[: round(1.8 * RATE)])
    np.testing.assert_array_equal(left[round(4.2 * RATE) :], sound[round(4.2 * RATE) :])
    assert level(left, 2.1, 3.9) < 0.2 * level(sound, 2.1, 3.9)
    assert level(left, 2.1, 3.9) > 0.3 * DUCKED * level(room, 2.1, 3.9)


def test_the_videos_sound_stays_under_the_voices(clip_path: Path, tmp_path: Path) -> None:
    silent = performance(tmp_path)
    kept = mix_over_clip(silent, clip_path, [(30, 50)], 1.0, tmp_path).waveform[:]
    softer = mix_over_clip(silent, clip_path, [(30, 50)], 0.25, tmp_path).waveform[:]
    assert len(kept) == N_FRAMES * 960
    source = syllables(N_FRAMES / 25, level=0.3)
    assert np.corrcoef(kept[: 24 * 960], source[: 24 * 960])[0, 1] > 0.99
    assert level(kept, 1.3, 1.9) < 0.3 * level(kept, 0.1, 1.0)
    voiced = performance(tmp_path)
    voiced.speech[0][:] = np.float32(syllables(N_FRAMES / 25, level=0.2))[::-1]
    loud, soft = (mix_over_clip(voiced, clip_path, [], ambience, tmp_path).waveform[:] for ambience in (1.0, 0.25))
    own = voiced.speech[0][:]
    assert abs(np.corrcoef(soft, own)[0, 1]) > abs(np.corrcoef(loud, own)[0, 1])
    assert len(softer) == len(kept)


@pytest.fixture
def tiny(assets: Path, clip: SceneClip, monkeypatch: pytest.MonkeyPatch) -> None:
    two_people_frames()  # of the shipped picture
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


Write = Callable[[Scene], Path]


@pytest.fixture
def write(clip_path: Path, tmp_path: Path) -> Write:
    shutil.copy(clip_path, tmp_path / "two.mkv")

    def written(made: Scene) -> Path:
        path = tmp_path / "scene.yaml"
        path.write_text(yaml.safe_dump(made.model_dump(mode="json", exclude_defaults=True)))
        return path

    return written


@pytest.mark.usefixtures("tiny")
def test_a_video_becomes_a_film(write: Write, tmp_path: Path) -> None:
    seen: list[Status] = []
    target = tmp_path / "out" / "film.mkv"
    path = write(scene(("ANNA", 0.4)))
    render_scene(path, target, QUICK, seen.append)
    facts = probe_video(target)
    assert (facts.height, facts.width, facts.fps, facts.sound) == (*SIZE, 25.0, True)
    film = list(video_frames(target, facts))
    assert len(film) == N_FRAMES
    label = np.zeros(SIZE, bool)
    label[watermark_box(*SIZE, ALTERED_TEXTS)] = True
    changes = [(a != b).any(-1) & ~label for a, b in zip(two_people_frames(), film, strict=True)]
    middle = SIZE[1] // 2
    assert not any(change[:, middle:].any() for change in changes), "who has no line keeps their mouth"
    assert any(change.any() for change in changes) and not any(c.any() for c in changes[FIRST_SHOT:])
    report = verify(target)
    assert report.ok and report.record["mark"] == ALTERED and "an altered video" in report.sentence
    assert {file["name"] for file in report.record["files"]} == {"two.mkv"}
    assert report.record["digital_source_type"].endswith("compositeWithTrainedAlgorithmicMedia")
    stages = list(dict.fromkeys(status.stage for status in seen))
    assert stages == ["check", "load models", "speech and motion", "rendering", "encoding"]
    kept = {p.name: p.stat().st_mtime_ns for p in (target.parent / ".parley" / "frames").glob("*.mkv")}
    render_scene(path, target, QUICK)  # nothing is drawn again
    assert {p.name for p in (target.parent / ".parley" / "frames").glob("*.mkv")} == set(kept)


@pytest.mark.usefixtures("tiny")
def test_a_film_of_a_video_can_be_stopped(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    seen: list[Status] = []
    with pytest.raises(Cancelled):
        render_scene(
            write(scene(("ANNA", 0.4))), target, QUICK, seen.append,
            cancelled=lambda: bool(seen) and seen[-1].stage == "rendering",
        )  # fmt: skip
    assert not target.exists()


def test_forms_that_a_video_does_not_have_are_refused(write: Write, tmp_path: Path) -> None:
    path = write(scene(("ANNA", 0.4)))
    plain = replace(QUICK, lossless=False)
    with pytest.raises(DocumentError, match="--alpha"):
        render_scene(path, tmp_path / "film.mov", replace(plain, alpha=True))
    with pytest.raises(DocumentError, match="--beginning"):
        render_scene(path, tmp_path / "film.mp4", replace(plain, beginning=tmp_path / "first.mp4"))
    from studio.motion.mesh_film import write_mesh_film

    with pytest.raises(DocumentError, match="The picture is a video, of which"):
        write_mesh_film(path, tmp_path / "film.glb")


@pytest.mark.slow
def test_the_shipped_weights_speak_in_a_video_and_close_the_mouths_of_the_others(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    made = scene(("ANNA", 0.2), silent="close", label=False)
    render_scene(write(made), target, RenderSettings(device="cpu", lossless=True))
    film = list(video_frames(target, probe_video(target)))
    source = two_people_frames()
    own, new = (_gaps(frames, FIRST_SHOT, N_FRAMES) for frames in (source, film))
    assert own.max() > 0.1 and new.max() < 0.05, "BOB's open mouth is closed"
    said, _ = soundfile.read(target.with_name("film.ANNA.wav"))
    heard = [level(said, number / 25, (number + 1) / 25) for number in range(N_FRAMES)]
    gaps = _gaps(film, 0, FIRST_SHOT)
    assert gaps[np.array(heard[:FIRST_SHOT]) > 0.3 * max(heard)].max() > 0.06, "ANNA's mouth opens where she is heard"


def _gaps(frames: Sequence[np.ndarray], first: int, stop: int) -> np.ndarray:
    """Opening of the lips of the face furthest to the left in each of some frames."""
    landmarker = FaceLandmarker()
    found = [landmarker.detect_upright(frame) for frame in frames[first:stop]]
    return lip_gap(np.stack([min(faces, key=lambda face: face.eyes[0, 0]).points for faces in found]))
