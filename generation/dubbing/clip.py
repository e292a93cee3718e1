"""A whole video with new mouths: its people followed, their references chosen, its frames drawn in any segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.core.arrays import smoothstep
from generation.core.motion import MotionTrack
from generation.dubbing.dubber import PersonDubber
from generation.dubbing.placement import Placement, place_mouth
from generation.dubbing.reference import PersonView, choose_closed, choose_parted
from generation.motion.rig import FaceRig
from generation.video.frames import video_frames
from generation.video.probe import VideoFacts
from masks.tracking.people import ClipTrack, PeopleTracker

RAMP = 6
"""Frames in which a person's own mouth becomes the new one, and back."""
_CHUNK, _AROUND = 480, 16
"""Frames of a run that are placed at a time, and those around them that count too."""


@dataclass(frozen=True)
class NewMouth:
    """What a person's mouth does over a whole video.

    Attributes:
        motion: one frame for each of the video's; mouth and jaw count, everything else stays the video's.
        share: (T,) 0..1: 0 = the person's own mouth, 1 = the new one.

    Raises:
        ValueError: of different lengths, or shares outside 0..1.
    """

    motion: MotionTrack
    share: np.ndarray

    def __post_init__(self) -> None:
        share = np.ascontiguousarray(self.share, np.float32)
        if share.shape != (len(self.motion),) or not ((share >= 0) & (share <= 1)).all():
            raise ValueError(f"A mouth of {len(self.motion)} frames needs as many shares within 0 and 1.")
        object.__setattr__(self, "share", share)


def speaking_share(spans: Sequence[tuple[int, int]], n_frames: int) -> np.ndarray:
    """(T,) float32 share of the new mouth where somebody speaks in ``spans`` (first frame, stop).

    It is whole in each and eases in and out over :data:`RAMP` frames around it.
    """
    time = np.arange(n_frames)
    share = np.zeros(n_frames, np.float32)
    for first, stop in spans:
        away = np.maximum(np.maximum(first - time, time - (stop - 1)), 0)
        share = np.maximum(share, smoothstep(1 - away / (RAMP + 1)).astype(np.float32))
    return share


def track_clip(path: Path, facts: VideoFacts) -> ClipTrack:
    """Everybody in a video, without their landmarks' jitter.

    Raises:
        ValueError: not a frame of it can be decoded.
    """
    return PeopleTracker().track(video_frames(path, facts)).smoothed()


class ClipDubber:
    """Draws new mouths into a video.

    Args:
        path: the video.
        facts: of the same.
        track: of the same, see :func:`track_clip`.
        people: numbers of the people who get one.
        drawn: those of them who are drawings.
        rig: the face rig; the packaged one by default.

    Raises:
        ValueError: there is no such person.
    """

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        track: ClipTrack,
        people: Sequence[int],
        drawn: Sequence[int] = (),
        rig: FaceRig | None = None,
    ) -> None:
        if unknown := [who for who in people if not 0 <= who < len(track.people)]:
            raise ValueError(f"The video has {len(track.people)} people; there is no number {unknown[0]}.")
        self._path, self._facts, self._track = path, facts, track
        self._rig = rig or FaceRig.load()
        chosen = {who: self._references(who, who in drawn) for who in people}
        wanted = {frame for frames in chosen.values() for frame in frames if frame is not None}
        views: dict[tuple[int, int], PersonView] = {}
        frames = video_frames(path, facts, 0, max(wanted) + 1) if wanted else iter(())
        for number, image in enumerate(frames):
            for who, numbers in chosen.items():
                if number in numbers and (points := track.people[who].at(number)) is not None:
                    views[who, number] = PersonView.cut(image, points)
        self._rest = {who: views[who, closed].points for who, (closed, _) in chosen.items()}
        self._dubbers = {
            who: PersonDubber(
                views[who, closed], None if parted is None else views[who, parted], self._rig, who in drawn
            )
            for who, (closed, parted) in chosen.items()
        }
        self._runs = {who: track.runs(track.people[who]) for who in people}
        self._placed: dict[int, tuple[tuple[int, int], Placement, int]] = {}

    def _references(self, who: int, drawn: bool) -> tuple[int, int | None]:
        """Numbers of the frames from which somebody's mouth is drawn: lips closed, and parted."""
        person = self._track.people[who]
        closed = choose_closed(person.points)
        # a drawing's inside is flat, and lips are not told from teeth in it: it is painted
        parted = None if drawn else choose_parted(person.points)
        return int(person.frames[closed]), None if parted is None else int(person.frames[parted])

    def frames(self, mouths: Mapping[int, NewMouth], first: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Frames of the video with new mouths, from ``first`` to before ``stop``; each is the same in any segment.

        Args:
            mouths: of people by their numbers; who is not named keeps their own.
            first: number of the first frame.
            stop: number of the frame before which to stop; None = the end.

        Yields:
            uint8 (H, W, 3) RGB; outside the lower faces of those who speak every pixel is as it was decoded.

        Raises:
            ValueError: a mouth of another length than the video, or of somebody who was not prepared.
        """
        for who, mouth in mouths.items():
            if who not in self._dubbers:
                raise ValueError(f"Person {who} of the video was not prepared for a new mouth.")
            if len(mouth.motion) != self._track.n_frames:
                raise ValueError(f"The video has {self._track.n_frames} frames; a mouth has {len(mouth.motion)}.")
        self._placed.clear()
        for number, image in enumerate(video_frames(self._path, self._facts, first, stop), first):
            for who, mouth in mouths.items():
                if number < len(mouth.share) and mouth.share[number] > 0:
                    image = self._dubbed(image, who, mouth, number)
            yield image

    def _dubbed(self, image: np.ndarray, who: int, mouth: NewMouth, number: int) -> np.ndarray:
        """The frame with one person's new mouth; itself where their face is not seen."""
        person = self._track.people[who]
        place = int(np.searchsorted(person.frames, number))
        if place == len(person.frames) or person.frames[place] != number:
            return image
        run = next(run for run in self._runs[who] if run.start <= place < run.stop)
        chunk = (place - run.start) // _CHUNK
        held = self._placed.get(who)
        if held is None or held[0] != (run.start, chunk):
            low = max(run.start, run.start + chunk * _CHUNK - _AROUND)
            rows = slice(low, min(run.stop, run.start + (chunk + 1) * _CHUNK + _AROUND))
            numbers = person.frames[rows]
            values, share = mouth.motion.values[numbers], mouth.share[numbers]
            placement = place_mouth(self._rig, self._rest[who], person.points[rows], values, share)
            held = self._placed[who] = ((run.start, chunk), placement, low)
        return self._dubbers[who].dub(image, held[1], place - held[2])
