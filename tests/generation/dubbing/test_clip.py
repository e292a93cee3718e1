"""A photographed person speaks in a video of our own making, and gets another mouth: what changes and what must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image

from generation.core.ffmpeg import FfmpegWriter
from generation.core.motion import INDEX, N_CHANNELS, ROTATION, MotionTrack
from generation.dubbing.clip import RAMP, ClipDubber, NewMouth, speaking_share, track_clip
from generation.dubbing.reference import inter_ocular
from generation.motion.tracking import lip_gap
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from generation.video.frames import video_frames
from generation.video.probe import VideoFacts, probe_video
from masks.landmarks import FaceLandmarker
from masks.topology import FACE_OVAL, LEFT_BROW, LEFT_EYE_RING, LIPS_INNER, RIGHT_BROW, RIGHT_EYE_RING
from masks.tracking.people import ClipTrack

N_FRAMES = 32


def spoken(opening: np.ndarray, turn: float = 0.0) -> MotionTrack:
    """A jaw that opens, and a head that turns by radians meanwhile."""
    values = np.zeros((len(opening), N_CHANNELS), np.float32)
    values[:, INDEX["jawOpen"]] = opening
    for side in ("Left", "Right"):
        values[:, INDEX[f"mouthUpperUp{side}"]] = 0.4 * opening
    values[:, ROTATION][:, 1] = np.linspace(-turn, turn, len(opening))
    return MotionTrack(values)


OWN = np.clip(np.sin(np.arange(N_FRAMES) * 2 * np.pi / 11), 0, 1) * 0.55
OTHER = np.clip(np.sin(np.arange(N_FRAMES) * 2 * np.pi / 15 + 2), 0, 1) * 0.5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody speaks and turns their head."""
    with get_sample_data("grace_hopper.jpg") as file:
        picture = np.asarray(Image.open(file).convert("RGB"))[0:500, 6:506]
    picture = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    (face,) = FaceLandmarker().detect(picture)
    region = np.ones(picture.shape[:2], np.float32)
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    options = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "300x300", "-r", "25", "-i", "pipe:0", "-c:v", "ffv1"]
    with FfmpegWriter([*options, "-pix_fmt", "bgr0", str(path)], "no video") as writer:
        for frame in SceneRenderer(picture, [RenderFace(face, region)]).frames([spoken(OWN, 0.05)]):
            writer.write(memoryview(np.ascontiguousarray(frame)).cast("B"))
        writer.finish()
    return path


@pytest.fixture(scope="module")
def facts(clip: Path) -> VideoFacts:
    return probe_video(clip)


@pytest.fixture(scope="module")
def track(clip: Path, facts: VideoFacts) -> ClipTrack:
    return track_clip(clip, facts)


@pytest.fixture(scope="module")
def source(clip: Path, facts: VideoFacts) -> list[np.ndarray]:
    return list(video_frames(clip, facts))


@pytest.fixture(scope="module")
def dubber(clip: Path, facts: VideoFacts, track: ClipTrack) -> ClipDubber:
    return ClipDubber(clip, facts, track, [0])


Dub = Callable[[np.ndarray], list[np.ndarray]]


@pytest.fixture(scope="module")
def dub(dubber: ClipDubber) -> Dub:
    """The video with a jaw that opens so much."""
    whole = np.ones(N_FRAMES, np.float32)
    return lambda opening: list(dubber.frames({0: NewMouth(spoken(opening), whole)}))


def gaps(frames: list[np.ndarray]) -> np.ndarray:
    landmarker = FaceLandmarker()
    found = [landmarker.detect_upright(frame)[0].points for frame in frames]
    return lip_gap(np.stack(found))


def test_the_new_mouth_is_seen_and_the_old_one_is_gone(dub: Dub, source: list[np.ndarray], track: ClipTrack) -> None:
    assert len(track.people) == 1 and len(track.people[0].frames) == N_FRAMES
    own = gaps(source)
    assert np.corrcoef(own, OWN)[0, 1] > 0.9  # the video is what it is meant to be
    new = gaps(dub(OTHER))
    assert np.corrcoef(new, OTHER)[0, 1] > 0.9
    assert abs(np.corrcoef(new, OWN)[0, 1]) < 0.5


def inside(frame: np.ndarray) -> float:
    """Mean red between the lips."""
    points = FaceLandmarker().detect_upright(frame)[0].points[list(LIPS_INNER), :2] - 0.5
    between = cv2.fillPoly(np.zeros(frame.shape[:2], np.uint8), [np.int32(np.round(points))], 1)
    return float(frame[between > 0, 0].mean())


def test_a_mouth_that_opens_shows_what_is_behind_its_lips(dub: Dub, source: list[np.ndarray]) -> None:
    """Fails when the lips of a closed mouth are stretched over the opening."""
    number = int(np.argmax(OTHER - 9 * OWN))
    assert OWN[number] < 0.01 and OTHER[number] > 0.45
    lips, opened, made = inside(source[number]), inside(source[int(np.argmax(OWN))]), inside(dub(OTHER)[number])
    assert opened < 0.7 * lips and made < 0.7 * lips


def test_a_speaking_mouth_is_closed(dub: Dub, source: list[np.ndarray]) -> None:
    own, closed = gaps(source), gaps(dub(np.zeros(N_FRAMES)))
    assert own.max() > 0.15
    assert closed.max() < 0.045


def test_outside_the_lower_face_every_pixel_stays(dub: Dub, source: list[np.ndarray], track: ClipTrack) -> None:
    for number, (before, after) in enumerate(zip(source, dub(OTHER), strict=True)):
        points = track.people[0].points[number]
        changed = (before != after).any(-1)
        assert changed.any()
        eyes = points[list(LEFT_EYE_RING + RIGHT_EYE_RING + LEFT_BROW + RIGHT_BROW), :2]
        assert not changed[: int(np.ceil(eyes[:, 1].max()))].any()
        beyond = np.full(changed.shape, 255, np.uint8)
        cv2.fillPoly(beyond, [np.int32(np.round(points[list(FACE_OVAL), :2]))], 0)
        away = cv2.distanceTransform(beyond, cv2.DIST_L2, 5) / inter_ocular(points)
        assert not changed[away > 0.75].any(), "the skin's motion has faded out by there"


def test_the_mouth_does_not_flicker_where_it_is_still(dub: Dub, source: list[np.ndarray]) -> None:
    """The closed mouth moves with the head alone, so the frames differ less than those of the speaking one."""
    closed = dub(np.zeros(N_FRAMES))
    steps = [
        np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(frames[1:], frames, strict=False)])
        for frames in (source, closed)
    ]
    assert steps[1] < steps[0]


def test_frames_are_the_same_in_any_segment(dubber: ClipDubber, dub: Dub) -> None:
    whole = dub(OTHER)
    mouth = NewMouth(spoken(OTHER), np.ones(N_FRAMES))
    part = list(dubber.frames({0: mouth}, 13, 19))
    assert len(part) == 6
    for a, b in zip(whole[13:19], part, strict=True):
        np.testing.assert_array_equal(a, b)


def test_who_does_not_speak_keeps_their_mouth(dubber: ClipDubber, source: list[np.ndarray]) -> None:
    share = speaking_share([(20, 24)], N_FRAMES)
    frames = list(dubber.frames({0: NewMouth(spoken(OTHER), share)}))
    for number, (before, after) in enumerate(zip(source, frames, strict=True)):
        assert (before == after).all() == (share[number] == 0)
    for before, after in zip(source, dubber.frames({}), strict=True):
        np.testing.assert_array_equal(before, after)


def test_shares_are_eased_in_and_out() -> None:
    share = speaking_share([(20, 24), (26, 30)], 50)
    assert share[20:30].min() > 0.5 and share[20:24].min() == 1.0
    assert (share[: 20 - RAMP] == 0).all() and (share[30 + RAMP :] == 0).all()
    assert (np.diff(share[20 - RAMP - 1 : 21]) > 0).all()


def test_mouths_that_do_not_fit_are_refused(
    dubber: ClipDubber, clip: Path, facts: VideoFacts, track: ClipTrack
) -> None:
    with pytest.raises(ValueError, match="32 frames; a mouth has 5"):
        list(dubber.frames({0: NewMouth(MotionTrack.neutral(5), np.ones(5))}))
    with pytest.raises(ValueError, match="Person 1"):
        list(dubber.frames({1: NewMouth(MotionTrack.neutral(N_FRAMES), np.ones(N_FRAMES))}))
    with pytest.raises(ValueError, match="1 people; there is no number 3"):
        ClipDubber(clip, facts, track, [3])
    with pytest.raises(ValueError, match="as many shares"):
        NewMouth(MotionTrack.neutral(5), np.ones(4))
