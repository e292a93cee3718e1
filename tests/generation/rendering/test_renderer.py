"""The renderer's promises, on two photographs side by side: what must move moves, what must not stays byte for byte."""

from __future__ import annotations

import itertools

import cv2
import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from generation.core.motion import INDEX, MotionTrack
from generation.motion.tracking import lip_gap
from generation.rendering.cut_out import cut_out
from generation.rendering.face import FaceRenderer, RenderFace
from generation.rendering.imaging.warp import Grid
from generation.rendering.renderer import BATCH, SceneRenderer
from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.person_segmentation import segment_person
from masks.regions import motion_region
from masks.topology import LEFT_EYE, LEFT_IRIS, LIPS_INNER, RIGHT_EYE, RIGHT_IRIS

HEIGHT = 420


def track(n_frames: int = 3, **channels: float) -> MotionTrack:
    """The same pose held for some frames; ``eyeBlink`` and the like stand for both sides."""
    values = np.zeros((n_frames, len(INDEX)), np.float32)
    for name, value in channels.items():
        for full in [name] if name in INDEX else [f"{name}Left", f"{name}Right"]:
            values[:, INDEX[full]] = value
    return MotionTrack(values)


def busy(n_frames: int) -> MotionTrack:
    """Every channel in motion at once."""
    t = np.arange(n_frames)[:, None]
    values = 0.35 * np.sin(0.37 * t + np.arange(len(INDEX))) ** 2
    values[:, 51:] = 0.12 * np.sin(0.21 * t + np.arange(6))
    return MotionTrack(values)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    woman = skimage.data.astronaut()[:330, 60:380]
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        officer = np.asarray(Image.open(file).convert("RGB"))
    sides = [
        np.asarray(Image.fromarray(i).resize((i.shape[1] * HEIGHT // i.shape[0], HEIGHT))) for i in (woman, officer)
    ]
    return np.concatenate(sides, 1)


@pytest.fixture(scope="module")
def faces(picture: np.ndarray) -> list[RenderFace]:
    found = FaceLandmarker().detect(picture)
    assert len(found) == 2
    masks = [segment_person(picture, f, others=[o for o in found if o is not f]) for f in found]
    return [
        RenderFace(f, motion_region(f, m, [masks[1 - i]], 0.3), mask=m)
        for i, (f, m) in enumerate(zip(found, masks, strict=True))
    ]


@pytest.fixture(scope="module")
def renderer(picture: np.ndarray, faces: list[RenderFace]) -> SceneRenderer:
    return SceneRenderer(picture, faces)


def change(frame: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return np.abs(frame.astype(int) - picture).max(-1)


def polygon(picture: np.ndarray, landmarks: FaceLandmarks, indices: tuple[int, ...]) -> np.ndarray:
    """Pixels around the given landmarks: their bounding box."""
    low = np.floor(landmarks.points[list(indices), :2].min(0)).astype(int)
    high = np.ceil(landmarks.points[list(indices), :2].max(0)).astype(int)
    inside = np.zeros(picture.shape[:2], bool)
    inside[low[1] : high[1], low[0] : high[0]] = True
    return inside


def test_no_motion_is_the_picture_byte_for_byte(renderer: SceneRenderer, picture: np.ndarray) -> None:
    frames = list(renderer.frames([MotionTrack.neutral(BATCH + 2)] * 2))
    assert len(frames) == BATCH + 2
    assert all(np.array_equal(f, picture) for f in frames)


def test_nothing_outside_the_regions_changes(
    renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]
) -> None:
    outside = (faces[0].region == 0) & (faces[1].region == 0)
    changes = [change(f, picture) for f in renderer.frames([busy(12), busy(12)])]
    assert max(c[outside].max() for c in changes) == 0
    assert all(c[~outside].max() > 50 for c in changes)


def test_little_motion_changes_little(renderer: SceneRenderer, picture: np.ndarray) -> None:
    """No jump when motion sets in: layers and seams add up to the picture."""
    still = MotionTrack.neutral(1)
    for channels in ({"headRotationY": 1e-4}, {"eyeBlink": 1e-4}, {"jawOpen": 1e-4}):
        (frame,) = renderer.frames([still, track(1, **channels)])
        assert np.percentile(change(frame, picture), 99.8) <= 3, channels


def test_jaw_opens_the_mouth(picture: np.ndarray, faces: list[RenderFace], renderer: SceneRenderer) -> None:
    closed = polygon(picture, faces[1].landmarks, LIPS_INNER)
    darkness = []
    for amount in (0.0, 0.15, 0.3, 0.5):
        *_, frame = renderer.frames([MotionTrack.neutral(2), track(2, jawOpen=amount)])
        below = np.roll(closed, 6, 0) | np.roll(closed, 12, 0)
        darkness.append(int((frame[below].max(-1) < 60).sum()))
    assert all(b > a for a, b in itertools.pairwise(darkness)), darkness


def test_laughing_mouth_closes_while_speaking(
    picture: np.ndarray, faces: list[RenderFace], renderer: SceneRenderer
) -> None:
    """Teeth that the picture shows disappear behind closed lips in the middle of speech, and only then."""
    values = np.zeros((110, len(INDEX)), np.float32)
    values[[50, 60], INDEX["jawOpen"]] = 0.4
    frames = list(renderer.frames([MotionTrack(values), MotionTrack.neutral(110)]))
    assert np.array_equal(frames[0], picture) and np.array_equal(frames[-1], picture)
    landmarker = FaceLandmarker()
    seen = [landmarker.track(frames[i], faces[0].landmarks) for i in (0, 55, 50)]
    laughing, closed, open_wide = (float(lip_gap(f.points)) for f in seen if f is not None)
    assert closed < 0.35 * laughing < 0.35 * open_wide


def test_rounded_lips_end_a_laugh(picture: np.ndarray, faces: list[RenderFace], renderer: SceneRenderer) -> None:
    """An U in the middle of speech is narrow, however wide the picture laughs."""
    speech = track(40, jawOpen=0.08, mouthPucker=0.8)
    frame = list(renderer.frames([speech, MotionTrack.neutral(40)]))[20]
    found = FaceLandmarker().track(frame, faces[0].landmarks)
    assert found is not None
    width, laughing = (np.linalg.norm(f.points[61, :2] - f.points[291, :2]) for f in (found, faces[0].landmarks))
    assert width < 0.84 * laughing


def test_swapping_tracks_swaps_who_moves(renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]) -> None:
    speaking, silent = track(2, jawOpen=0.4), MotionTrack.neutral(2)
    for who in (0, 1):
        tracks = [silent, silent]
        tracks[who] = speaking
        moved = change(list(renderer.frames(tracks))[0], picture)
        assert moved[faces[who].region > 0].max() > 60
        assert moved[faces[who].region == 0].max() == 0


def test_order_of_the_cast_changes_nothing(
    renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]
) -> None:
    a, b = busy(3), track(3, jawOpen=0.3, headRotationZ=0.05)
    other = SceneRenderer(picture, faces[::-1])
    for one, two in zip(renderer.frames([a, b]), other.frames([b, a]), strict=True):
        assert np.array_equal(one, two)


def test_blink_covers_the_iris(renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]) -> None:
    for who, face in enumerate(faces):
        tracks = [MotionTrack.neutral(1), MotionTrack.neutral(1)]
        tracks[who] = track(1, eyeBlink=1.0)
        (frame,) = renderer.frames(tracks)
        for eye, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
            pupil = polygon(picture, face.landmarks, iris) & polygon(picture, face.landmarks, eye)
            upper = pupil & (np.cumsum(pupil, 0) <= 0.6 * pupil.any(1).sum())
            assert frame[upper].mean() > picture[upper].mean() + 25


def test_gaze_moves_the_iris_with_the_eye(
    renderer: SceneRenderer, faces: list[RenderFace], picture: np.ndarray
) -> None:
    """Looking to the picture's right carries the dark of the iris there, in both eyes."""
    (frame,) = renderer.frames([track(1, eyeLookInRight=0.7, eyeLookOutLeft=0.7), MotionTrack.neutral(1)])
    for eye in (RIGHT_EYE, LEFT_EYE):
        inside = polygon(picture, faces[0].landmarks, eye)
        x = np.where(inside)[1]

        def middle(image: np.ndarray, inside: np.ndarray = inside, x: np.ndarray = x) -> float:
            dark = np.maximum(120.0 - image[inside].mean(-1), 0.0)
            return float((dark * x).sum() / dark.sum())

        assert middle(frame) > middle(picture) + 0.03 * faces[0].landmarks.inter_ocular


def test_head_turn_moves_nose_against_the_neck(
    renderer: SceneRenderer, faces: list[RenderFace], picture: np.ndarray
) -> None:
    (frame,) = renderer.frames([MotionTrack.neutral(1), track(1, headRotationY=0.2)])
    turned = FaceLandmarker().track(frame, faces[1].landmarks)
    assert turned is not None
    assert turned.yaw - faces[1].landmarks.yaw > 0.08
    neck_x, neck_y = faces[1].landmarks.points[152, :2] + [0, 1.3 * faces[1].landmarks.inter_ocular]
    patch = np.s_[int(neck_y) : int(neck_y) + 8, int(neck_x) - 8 : int(neck_x) + 8]
    assert change(frame, picture)[patch].max() <= 2


def test_a_frame_looks_the_same_wherever_its_stretch_starts(renderer: SceneRenderer) -> None:
    """Byte for byte, from every frame on, in a track of which only the rest is there, and alone."""
    motion = busy(BATCH + 4)
    # the laughing picture's closing looks along the whole track, so that the cut track is the closed mouth's
    still = MotionTrack.neutral(len(motion))
    expected = list(renderer.frames([still, motion]))
    for start in range(1, BATCH + 1):
        rest = [MotionTrack(track.values[start:]) for track in (still, motion)]
        assert all(np.array_equal(*pair) for pair in zip(expected[start:], renderer.frames(rest), strict=True)), start
    both = list(renderer.frames([motion, motion]))
    for number in (3, BATCH + 1):
        (alone,) = renderer.frames([motion, motion], [number])
        assert np.array_equal(alone, both[number])


def test_what_is_left_out_of_rendering_would_not_have_changed(
    renderer: SceneRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the part that a batch can change is rendered; the whole box gives the same bytes."""
    nod = track(BATCH, headRotationX=0.04, headTranslationX=0.02, jawOpen=0.2, eyeBlink=0.3)
    blink = track(BATCH, eyeBlink=0.6)
    parts: list[float] = []
    reached = FaceRenderer._reached

    def noted(face: FaceRenderer, *motion: object) -> Grid:
        part = reached(face, *motion)
        parts.append(part.rows * part.columns / (face.grid.rows * face.grid.columns))
        return part

    for tracks in ([nod, nod], [blink, busy(BATCH)]):
        with monkeypatch.context() as patch:
            patch.setattr(FaceRenderer, "_reached", noted)
            less = list(renderer.frames(tracks))
            patch.setattr(FaceRenderer, "_reached", lambda face, *_: face.grid)
            assert all(np.array_equal(a, b) for a, b in zip(less, renderer.frames(tracks), strict=True))
    assert max(parts[:2]) < 0.95 and parts[2] < 0.35, parts


def test_who_stands_still_costs_nothing(renderer: SceneRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[FaceRenderer] = []
    render = FaceRenderer.render
    monkeypatch.setattr(FaceRenderer, "render", lambda face, *motion: rendered.append(face) or render(face, *motion))
    list(renderer.frames([MotionTrack.neutral(2 * BATCH), track(2 * BATCH, jawOpen=0.2)]))
    assert rendered == [renderer._faces[1]] * 2


def test_all_channels_at_their_ends_stay_finite_and_smooth(renderer: SceneRenderer, picture: np.ndarray) -> None:
    values = np.zeros((51, len(INDEX)), np.float32)
    values[np.arange(51), np.arange(51)] = 1.0
    for frame in renderer.frames([MotionTrack(values), MotionTrack(values)]):
        assert frame.dtype == np.uint8 and frame.shape == picture.shape
        assert change(frame, picture).mean() < 6


def test_sharpness_of_the_mouth_is_kept(renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]) -> None:
    chin = polygon(picture, faces[1].landmarks, (61, 291, 152))

    def sharpness(image: np.ndarray) -> float:
        gray = image.mean(-1)
        laplace = 4 * gray - sum(np.roll(gray, s, a) for s in (-1, 1) for a in (0, 1))
        return float(laplace[chin].var())

    *_, frame = renderer.frames([MotionTrack.neutral(2), track(2, jawOpen=0.12, headTranslationX=0.013)])
    assert sharpness(frame) > 0.6 * sharpness(picture)


def test_drawn_faces_and_faces_without_a_mask_render(picture: np.ndarray, faces: list[RenderFace]) -> None:
    for face in (
        RenderFace(faces[1].landmarks, faces[1].region, drawn=True),
        RenderFace(faces[1].landmarks, faces[1].region),
    ):
        (frame,) = SceneRenderer(picture, [face]).frames([track(1, jawOpen=0.4, eyeBlink=1.0, headRotationY=0.1)])
        moved = change(frame, picture)
        assert moved[face.region == 0].max() == 0 and moved.max() > 60


def test_bad_input_is_refused_in_a_sentence(
    renderer: SceneRenderer, picture: np.ndarray, faces: list[RenderFace]
) -> None:
    with pytest.raises(ValueError, match="one track a face"):
        renderer.frames([MotionTrack.neutral(2)])
    with pytest.raises(ValueError, match="equal length"):
        renderer.frames([MotionTrack.neutral(2), MotionTrack.neutral(3)])
    with pytest.raises(ValueError, match="uint8"):
        SceneRenderer(picture.astype(np.float32), faces)
    with pytest.raises(ValueError, match="cover the picture"):
        SceneRenderer(picture, [RenderFace(faces[0].landmarks, faces[0].region[1:])])
    with pytest.raises(ValueError, match="empty"):
        SceneRenderer(picture, [RenderFace(faces[0].landmarks, np.zeros_like(faces[0].region))])


def test_people_without_background_move_as_they_do_in_the_picture(picture: np.ndarray, faces: list[RenderFace]) -> None:
    """Where no background is, the same pixels; opacity moves along, and outside the regions nothing does."""
    people = cut_out(picture, np.clip(np.sum([face.mask for face in faces], 0), 0, 1))
    moved = track(2, jawOpen=0.5, eyeBlink=0.6, headRotationY=0.15)
    renderer = SceneRenderer(picture, faces, cut=people)
    rest = track(1)
    np.testing.assert_array_equal(next(renderer.frames([rest, rest])), people)
    with_background = list(SceneRenderer(picture, faces).frames([moved, moved]))[1]
    frame = list(renderer.frames([moved, moved]))[1]
    outside = np.max([face.region for face in faces], 0) == 0
    assert frame.shape == (*picture.shape[:2], 4) and (frame[outside] == people[outside]).all()
    inside = cv2.erode(np.uint8(frame[..., 3] == 255), np.ones((9, 9), np.uint8)) > 0
    assert inside[~outside].mean() > 0.2
    assert np.percentile(np.abs(frame[..., :3].astype(int) - with_background)[inside & ~outside], 99.9) <= 2
    assert (frame[..., :3] <= frame[..., 3:].astype(int) + 12).mean() > 0.999, "colours are those times opacity"
    assert (np.abs(frame[..., 3].astype(int) - people[..., 3]) > 60).sum() > 50, "the outline moves with the head"


def test_a_mouth_beyond_the_picture_is_left_out(picture: np.ndarray, faces: list[RenderFace]) -> None:
    rows = int(faces[0].landmarks.points[list(LIPS_INNER), 1].min()) - 40
    cut = RenderFace(faces[0].landmarks, faces[0].region[:rows], mask=faces[0].mask[:rows])
    frame = next(SceneRenderer(picture[:rows].copy(), [cut]).frames([track(1, jawOpen=0.5, eyeBlink=1.0)]))
    assert frame.shape == (rows, *picture.shape[1:]) and (frame != picture[:rows]).any(), "the lids close"
