"""Channels of a recording: which of them is heard."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Channel = Literal["left", "right", "mix"] | int
"""Which channel of a recording: by side, all of them, or by number from 1."""
SIDES: tuple[Literal["left", "right", "mix"], ...] = ("left", "right", "mix")
MOST_CHANNELS = 8
_CANCELS = 0.05
"""Share of the channels' power that is left in their mean where they are opposite in phase (13 dB less)."""


def channel_of(value: Any) -> Channel | None:  # noqa: ANN401 - whatever a document holds
    """A channel as a document says it.

    Raises:
        ValueError: it is none; a clause without its subject.
    """
    given = value.strip().lower() if isinstance(value, str) else value
    if isinstance(given, str) and given.isdecimal() and len(given) == 1:
        given = int(given)
    if given is None or (type(given) is int and 1 <= given <= MOST_CHANNELS):
        return given
    for side in SIDES:
        if given == side:
            return side
    raise ValueError(f"should be left, right, mix or a number from 1 to {MOST_CHANNELS}; it is {str(value)[:40]!r}")


def combined(samples: np.ndarray, channel: Channel | None = None) -> np.ndarray:
    """(S, C) -> (S,) float32: one channel, or the mean of all; by itself, one of two that would cancel.

    Raises:
        ValueError: there is no such channel; a clause without its subject.
    """
    if channel is None and opposite_phase(samples):
        return samples[:, loudest(samples)]
    place = channel_place(channel, samples.shape[1])
    return _mean(samples) if place is None else samples[:, place]


def channel_place(channel: Channel | None, count: int) -> int | None:
    """Index of a channel among ``count``; None where all are to be heard.

    Raises:
        ValueError: there is no such channel; a clause without its subject.
    """
    if channel in (None, "mix"):
        return None
    number = {"left": 1, "right": 2}.get(str(channel), channel)
    if not isinstance(number, int) or not 1 <= number <= count:
        have = "one channel" if count == 1 else f"{count} channels"
        raise ValueError(f"has {have} and no channel {channel!r}; leave channel out, or name one that it has.")
    return number - 1


def _mean(samples: np.ndarray) -> np.ndarray:
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(1)


def loudest(samples: np.ndarray) -> int:
    """Index of the channel of (S, C) with the most power."""
    return int(np.square(samples).sum(0).argmax())


def opposite_phase(samples: np.ndarray) -> bool:
    """Whether two channels (S, 2) hold the same with opposite signs, so that their mean is next to nothing."""
    if samples.shape[1] != 2:
        return False
    return cancels(samples.mean(1, dtype=np.float64), samples)


def cancels(mixed: np.ndarray, channels: np.ndarray) -> bool:
    """Whether the mean of some channels (S,) has next to nothing of their power; of one of them (S,) or all (S, C)."""
    power = float(np.square(channels, dtype=np.float64).mean())
    return power > 0 and float(np.square(mixed, dtype=np.float64).mean()) < _CANCELS * power
