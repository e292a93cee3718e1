"""Measures on a rendered photograph, tracked again: lips, lids, head and sharpness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from generation.audio.voice_activity import speech_frames
from generation.core.arrays import runs
from generation.core.clock import FPS
from generation.core.motion import CHANNELS, MotionTrack
from generation.core.result_key import made_by, result_key
from generation.metrics.lip_sync import contact_frames
from generation.motion.rig import STABLE_POINTS, align_similarity, eye_centres
from generation.motion.tracking import eye_opening, lip_gap
from generation.motion.video_tracking import largest_face
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.person_segmentation import segment_person
from masks.regions import motion_region
from masks.topology import LIPS_INNER, LIPS_OUTER
from masks.tracking.people import PeopleTracker
from scripts.compose_portraits import DIVIDER, SIDE, compose
from scripts.evaluation.bootstrap import mean, renamed
from scripts.evaluation.cache import keep
from scripts.evaluation.measures.lip_sync import Spoken, closure, loudness
from scripts.evaluation.synthesis import Take
from studio.cast.geometry import ALLOWED_MOTION

SHUT = 0.8
"""Share of the picture's eye opening below which lids count as closed: through these glasses the tracker sees wholly
shut lids at 0.67 of it, and open ones between 0.9 and 1.05."""
BRIDGE = [168, 6, 197, 195]
"""Bridge of the nose: goes with the head and with nothing else."""
HEAD = np.array([name.startswith("head") for name in CHANNELS])


@dataclass(frozen=True)
class TrackedVideo:
    """What is seen in rendered frames.

    Attributes:
        points: (T, 478, 3) landmarks.
        sharpness: (T,) detail of the mouth over the picture's.
        shift: (T,) pixels by which the bridge of the nose is off its place in the picture.
        seconds: of one core's rendering.
    """

    points: np.ndarray
    sharpness: np.ndarray
    shift: np.ndarray
    seconds: float


class Portrait:
    """A photograph of one person (Grace Hopper, US Navy, public domain), 512 x 512; what was watched is kept.

    Args:
        kept: folder for it.
    """

    def __init__(self, kept: Path) -> None:
        self.picture = np.ascontiguousarray(compose()[:, SIDE + DIVIDER :])
        (face,) = FaceLandmarker().detect(self.picture)
        mask = segment_person(self.picture, face)
        region = motion_region(face, mask, [], ALLOWED_MOTION)
        self._renderer = SceneRenderer(self.picture, [RenderFace(face, region, mask=mask)])
        self._tracker = PeopleTracker()
        self._kept = kept / made_by(__name__)[:16]
        # Found once, then followed, as in a video: the first look is another cut-out and slightly off.
        self.still = largest_face([self.picture] * 3, self._tracker)[-1]
        self._sharp = mouth_sharpness(self.picture, self.still)
        self._seconds, self._count = 0.0, 0

    def frames(self, track: MotionTrack) -> Iterator[np.ndarray]:
        """The photograph moved, (512, 512, 3) uint8 a frame."""
        return self._renderer.frames([track])

    def track_video(self, motion: np.ndarray) -> TrackedVideo:
        """Renders motion (T, 57) and tracks the frames."""
        path = self._kept / f"{result_key(motion)}.npz"
        if not path.is_file():
            began = process_time()
            frames = list(self.frames(MotionTrack(motion)))
            seconds = process_time() - began
            points = largest_face(frames, self._tracker)
            sharpness = [mouth_sharpness(frame, p) for frame, p in zip(frames, points, strict=True)]
            shift = [bridge_shift(self.picture, frame, self.still) for frame in frames]
            seen = {"points": points, "sharpness": np.array(sharpness) / self._sharp, "shift": np.array(shift)}
            keep(path, {"seconds": np.array(seconds), **seen})
        with np.load(path) as kept:
            found = TrackedVideo(kept["points"], kept["sharpness"], kept["shift"], float(kept["seconds"]))
        self._seconds, self._count = self._seconds + found.seconds, self._count + len(motion)
        return found

    def lips(self, take: Take, motion: np.ndarray, number: int = 0) -> Spoken:
        """Lips of motion (T, 57) for the sound of a take, as the tracker sees them, 0 as in the picture."""
        gap = lip_gap(self.track_video(motion).points) - lip_gap(self.still)
        return Spoken(gap, take.speech, contact_frames(take.phonemes, take.durations, take.start), number)

    def figures(self, takes: Sequence[Take], motions: Sequence[np.ndarray]) -> dict[str, float]:
        """Closure and mouth_loudness_r of motions (T, 57) for the sound of some takes."""
        sentences = [self.lips(take, m, i) for i, (take, m) in enumerate(zip(takes, motions, strict=True))]
        return closure(sentences) | renamed(loudness(sentences), after="_pixels")

    def sharpness(self, takes: Sequence[Take]) -> dict[str, float]:
        """Detail of the mouth in speech over that of the picture's: the median frame of each sentence, their mean."""
        medians = [
            np.median(self.track_video(take.motion).sharpness[speech_frames(take.speech)[: len(take.motion)]])
            for take in takes
        ]
        return mean("mouth_sharpness", range(len(takes)), medians)

    def head_off(self, takes: Sequence[Take]) -> dict[str, float]:
        """With the amount of head motion at 0: how far the head goes all the same, and whether the lids still close.

        Returns:
            ``head0_px``: largest displacement of the bridge of the nose, pixels; ``head0_blinks``: blinks that the
            tracker sees over those that it sees with the head moving, where there are any.
        """
        moved, still_there, blinked = [], 0, 0
        for take in takes:
            off, on = self.track_video((take.motion * ~HEAD).astype(np.float32)), self.track_video(take.motion)
            moved.append(off.shift.max())
            still_there += self._blinks(off.points)
            blinked += self._blinks(on.points)
        return {"head0_px": float(max(moved))} | ({"head0_blinks": still_there / blinked} if blinked else {})

    def _blinks(self, points: np.ndarray) -> int:
        return len(runs(eye_opening(points) < SHUT * eye_opening(self.still)))

    @property
    def cost(self) -> float:
        """Seconds of one core's rendering per second of video so far."""
        return self._seconds * FPS / self._count


def bridge_shift(picture: np.ndarray, frame: np.ndarray, points: np.ndarray) -> float:
    """Pixels by which the bridge of the nose moved from a picture to a frame: optical flow (Lucas and Kanade)."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (picture, frame)]
    start = points[BRIDGE, None, :2].astype(np.float32)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(*grey, start, None, winSize=(21, 21))
    return float(np.linalg.norm(np.median((moved - start)[found.ravel() == 1, 0], 0)))


def mouth_sharpness(picture: np.ndarray, points: np.ndarray) -> float:
    """Spread of the Laplacian of the grey picture (H, W, 3) over the lips and what is a little around them."""
    lips = points[list(LIPS_OUTER), :2]
    reach = int(0.25 * np.ptp(lips[:, 0]))
    left, top = (np.floor(lips.min(0)).astype(int) - reach).clip(0)
    right, bottom = np.ceil(lips.max(0)).astype(int) + reach
    grey = cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).std())


def inner_lip_speed(points: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Mean speed of the inner lips with the head's pose taken out, inter-ocular distances a frame, (T - 1,).

    Args:
        points: (T, 478, 3) tracked.
        still: (478, 3) the face on which the frames are laid by their stable points.
    """
    scale, rotation, shift = align_similarity(points[:, STABLE_POINTS], still[STABLE_POINTS])
    laid = scale[:, None, None] * points @ rotation.transpose(0, 2, 1) + shift[:, None]
    right, left = eye_centres(still)
    steps = np.diff(laid[:, list(LIPS_INNER), :2], axis=0)
    return np.linalg.norm(steps, axis=-1).mean(1) / np.linalg.norm(left - right)


def lids(motion: np.ndarray) -> np.ndarray:
    """How far the lids are closed in motion (T, 57), the lesser of both eyes, (T,)."""
    return motion[:, [CHANNELS.index("eyeBlinkLeft"), CHANNELS.index("eyeBlinkRight")]].min(1)
