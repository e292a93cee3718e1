"""Dubbing of real clips: each person gets the mouth of another clip, and what is seen then is tracked again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from generation.core.clock import FPS
from generation.core.motion import MotionTrack
from generation.dubbing.clip import ClipDubber, NewMouth, track_clip
from generation.dubbing.reference import inter_ocular
from generation.metrics.lip_sync import mouth_timing
from generation.motion.rig import STABLE_POINTS, align_similarity
from generation.motion.tracking import lip_gap, weights_from_landmarks
from generation.video.frames import video_frames
from generation.video.probe import probe_video
from masks.landmarks import FaceLandmarker
from masks.tracking.people import PeopleTracker, TrackedPerson
from scripts.evaluation.bootstrap import mean

REST = 0.05
"""Quantile of a clip's opening at which its talker's lips are closed: the tracker sees those of some at .00, of others
at .04 of the distance between the eyes."""
SHUT, SEEN_SHUT = 0.02, 0.03
"""Opening beyond that rest at which the lips are to be closed, and at which they are seen so."""
BELOW_EYES = 0.35
"""How far below the eyes nothing may change yet, inter-ocular distances."""
BESIDE = 0.75
"""How far from the face's points nothing may change any more, inter-ocular distances."""


@dataclass(frozen=True)
class Clip:
    """A clip of one person who is seen in all of it.

    Attributes:
        path: the file.
        person: as tracked.
        motion: (T, 57) of the same.
    """

    path: Path
    person: TrackedPerson
    motion: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """(T,) opening of the lips over the distance between the eyes."""
        return lip_gap(self.person.points)


def dubbing(folder: Path) -> dict[str, float]:
    """Figures of every ``.mpg`` clip of a folder, dubbed with the mouth of the one after it.

    Returns:
        ``dub_closure``: share of frames with closed lips in the driving clip that are seen closed; ``dub_mtm_ms`` to
        the driving clip's lips; both as well with ``_chance``: of the person's own lips, undubbed; ``dub_gap_r``:
        correlation of the two openings; ``dub_jitter``: trembling of the lips over that in the source;
        ``dub_outside``: largest change outside the lower face, levels; ``dub_seconds``: of one core for a frame, its
        decoding and tracking left out.
    """
    landmarker = FaceLandmarker()
    clips = [clip for path in sorted(folder.glob("*.mpg")) if (clip := _read(path)) is not None]
    rows = [_figures(a, b, landmarker) for a, b in zip(clips, [*clips[1:], *clips[:1]], strict=True)]
    found = {key: [row[key] for row in rows] for key in rows[0]} if rows else {}
    if not found:
        return {}
    outside, seconds = max(found.pop("dub_outside")), float(np.mean(found.pop("dub_seconds")))
    figures = {"dub_outside": outside, "dub_seconds": seconds}
    for key, values in found.items():
        figures |= mean(key, range(len(values)), values)
    return figures


def _read(path: Path) -> Clip | None:
    """A clip, if one person is seen in all its frames."""
    track = track_clip(path, probe_video(path))
    if len(track.people) != 1 or len(track.people[0].frames) != track.n_frames:
        return None
    (person,) = track.people
    return Clip(path, person, weights_from_landmarks(person.points))


def _figures(clip: Clip, driver: Clip, landmarker: FaceLandmarker) -> dict[str, float]:
    facts, n_frames = probe_video(clip.path), len(clip.motion)
    motion = np.resize(driver.motion, clip.motion.shape)
    wanted = np.resize(driver.gap, n_frames)
    dubber = ClipDubber(clip.path, facts, track_clip(clip.path, facts), [0])
    began = process_time()
    frames = list(dubber.frames({0: NewMouth(MotionTrack(motion), np.ones(n_frames))}))
    seconds = (process_time() - began) / n_frames
    (seen,) = PeopleTracker(landmarker).track(iter(frames)).smoothed().people
    gap = lip_gap(seen.points)
    shut = wanted <= np.quantile(driver.gap, REST) + SHUT
    seen_shut = np.quantile(clip.gap, REST) + SEEN_SHUT
    timing = [mouth_timing(wanted, made) for made in (gap, clip.gap)]
    steps = [lip_trembling(points) for points in (seen.points, clip.person.points)]
    changes = [
        outside_change(before, after, points)
        for before, after, points in zip(video_frames(clip.path, facts), frames, clip.person.points, strict=True)
    ]
    closed = [float((made[shut] <= seen_shut).mean()) for made in (gap, clip.gap)]
    return {
        "dub_closure": closed[0],
        "dub_closure_chance": closed[1],
        "dub_mtm_ms": float(timing[0].mean() * 1000 / FPS) if len(timing[0]) else 0.0,
        "dub_mtm_ms_chance": float(timing[1].mean() * 1000 / FPS) if len(timing[1]) else 0.0,
        "dub_gap_r": float(np.corrcoef(gap, wanted)[0, 1]),
        "dub_jitter": steps[0] / steps[1],
        "dub_outside": max(changes),
        "dub_seconds": seconds,
    }


def lip_trembling(points: np.ndarray) -> float:
    """Median second difference of the mouth's corners and the lips' middle, the head's pose taken out."""
    scale, rotation, shift = align_similarity(points[:, STABLE_POINTS].astype(np.float64), points[0, STABLE_POINTS])
    laid = scale[:, None, None] * points @ rotation.transpose(0, 2, 1) + shift[:, None]
    lips = laid[:, [0, 17, 61, 291], :2] / inter_ocular(points[0])
    return float(np.median(np.abs(np.diff(lips, 2, axis=0))))


def outside_change(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> float:
    """Largest change of a frame where nothing may change, levels."""
    unit = float(inter_ocular(points))
    right, left = points[[33, 133], :2].mean(0), points[[362, 263], :2].mean(0)
    along = (left - right) / np.linalg.norm(left - right)
    down = np.array([-along[1], along[0]])
    y, x = np.mgrid[: before.shape[0], : before.shape[1]] + 0.5
    below = (x - 0.5 * (right + left)[0]) * down[0] + (y - 0.5 * (right + left)[1]) * down[1]
    hull = cv2.convexHull(np.ascontiguousarray(points[:468, :2], np.float32))
    face = cv2.fillConvexPoly(np.zeros(before.shape[:2], np.uint8), np.round(hull).astype(np.int32), 1)
    beside = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5)
    free = (below > BELOW_EYES * unit) & (beside < BESIDE * unit)
    return float(np.abs(before.astype(int) - after).max(-1)[~free].max())
