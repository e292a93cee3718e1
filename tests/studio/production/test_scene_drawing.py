"""Motion as it is drawn, read in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from generation.core.motion import INDEX, N_CHANNELS, MotionTrack
from generation.rendering.controls import closing_share
from studio.production.scene_drawing import DrawnMotion

N = 400


@pytest.fixture
def track() -> MotionTrack:
    """A mouth that moves now and then: how far it is closed depends on the frames around."""
    values = np.zeros((N, N_CHANNELS), np.float32)
    values[::90, INDEX["jawOpen"]] = values[::7, INDEX["browInnerUp"]] = 0.5
    return MotionTrack(values)


def by_the_closing(tracks: Sequence[MotionTrack], numbers: Sequence[int]) -> Iterator[Any]:
    """Frames that show what a renderer takes from their neighbours."""
    return iter(zip(closing_share(tracks[0].values)[list(numbers)], tracks[0].values[list(numbers)], strict=True))


def test_windows_of_motion_give_the_frames_of_the_whole(track: MotionTrack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a window reaches less far than what is drawn depends on."""
    lengths = []

    def read(first: int, stop: int) -> list[MotionTrack]:
        lengths.append(stop - first)
        return [MotionTrack(track.values[first:stop])]

    renderer: Any = SimpleNamespace(frames=by_the_closing)
    numbers = [*range(20, 130), *range(333, N)]
    whole = DrawnMotion(lambda first, stop: [track], N)
    states, frames = list(whole.states()), list(by_the_closing([track], numbers))
    monkeypatch.setattr("studio.production.scene_drawing._BLOCK", 30)
    drawn = DrawnMotion(read, N)
    assert np.array_equal(np.stack(list(drawn.states())), np.stack(states))
    for (share, values), (shown, moved) in zip(frames, drawn.frames(renderer, numbers), strict=True):
        assert share == shown and np.array_equal(values, moved)
    assert max(lengths) < 150
