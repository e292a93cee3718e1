"""Strengths of adapters frame by frame: those of each member of the cast, and in some lines those of the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from generation.core.performance import CastMember, Line
from generation.pipeline.face_routing import FaceRouting

_PASSING = 13
"""Frames over which a face passes from one strength to another, half of them on either side of a line's end."""


@dataclass(frozen=True)
class AdapterStrengths:
    """Strengths of each voice of the audio stream and each row of the motion stream.

    Attributes:
        voices: by adapter, one number or (T,) float32.
        faces: the same.
    """

    voices: tuple[Mapping[str, float | np.ndarray], ...]
    faces: tuple[Mapping[str, float | np.ndarray], ...]

    @classmethod
    def of(cls, lines: Sequence[Line], cast: Sequence[CastMember], rows: FaceRouting) -> AdapterStrengths:
        """Strengths over a scene: a line's own hold for the voice that says it and for the faces that it comes out of.

        Speech changes with the line; faces pass over, as they move before and after it too.
        """
        voices, faces = rows.members(cast)
        n_frames = rows.drivers.shape[1]
        of_voices = tuple(
            _over_time(member, [(line, _frames(line, n_frames)) for line in lines if line.character == voice], False)
            for voice, member in enumerate(voices)
        )
        of_faces = tuple(
            _over_time(
                member, [(line, _frames(line, n_frames) & (drivers == line.character)) for line in lines], smooth=True
            )
            for member, drivers in zip(faces, rows.drivers, strict=True)
        )
        return cls(of_voices, of_faces)

    def window(self, first: int, n_frames: int) -> tuple[list[Mapping[str, float | np.ndarray]], ...]:
        """Those of some frames, as :meth:`generation.adapters.routing.RoutedAdapters.active` takes them."""

        def cut(own: Mapping[str, float | np.ndarray]) -> dict[str, float | np.ndarray]:
            frames = slice(first, first + n_frames)
            return {name: s[frames] if isinstance(s, np.ndarray) else s for name, s in own.items()}

        return [cut(own) for own in self.voices], [cut(own) for own in self.faces]


def _frames(line: Line, n_frames: int) -> np.ndarray:
    """(T,) bool, where a line is."""
    inside = np.zeros(n_frames, bool)
    inside[line.start : line.stop] = True
    return inside


def _over_time(
    member: CastMember, lines: Sequence[tuple[Line, np.ndarray]], smooth: bool
) -> dict[str, float | np.ndarray]:
    """A member's strengths with those of lines in their frames; numbers where nothing changes."""
    made: dict[str, float | np.ndarray] = dict(member.adapters)
    changed = [(line, inside) for line, inside in lines if line.adapters and inside.any()]
    for name in dict.fromkeys(name for line, _ in changed for name, _ in line.adapters):
        track = np.full(len(changed[0][1]), made.get(name, 0.0), np.float32)
        for line, inside in changed:
            track[inside] = dict(line.adapters).get(name, made.get(name, 0.0))
        made[name] = (
            uniform_filter1d(track, _PASSING, mode="nearest").clip(track.min(), track.max()) if smooth else track
        )
    return made
