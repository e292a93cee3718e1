"""Blinks: when lids shut and for how long, drawn by seeded generators.

About 17 blinks a minute, gathered at the ends of phrases (Bentivoglio et al. 1997; Hömke et al. 2018); of whoever
listens 0.2 to 0.5 s later (Nakano and Kitazawa 2010). Their lengths are log-normal; lids shut twice as quickly as they
open (VanderWerff et al. 2003), and take longer when tired (Caffier et al. 2003).
"""

from __future__ import annotations

import numpy as np

from generation.core.arrays import smoothstep
from generation.core.clock import FPS
from generation.core.motion import INDEX

LONGEST_WAIT = 4.8
"""Seconds between two blinks across stretches that have none."""
EDGE = 0.6
"""Seconds from either end of a stretch in which no blink is at its height: stretches join without two at once."""
SHORT = 2.4
"""Seconds below which a blink in each stretch would be too many."""
_LONGEST_STARE, _SHORTEST_STARE = 4.4, 1.2
_REACH = 2.45
"""Seconds from either end of a stretch up to which its first and its last blink lie: no stare at a join."""
_NARROW = 0.8
"""Seconds within which a stretch's only blink would have to lie for half of such stretches to have two instead: where
there is one place for it, all people would blink at once."""
_ROOM = 0.5
"""Seconds of the shortest stretch that can hold a blink."""
_LENGTH, _SPREAD = 0.27, 0.3
"""Median in seconds, and spread of the logarithm, of the time from a lid's first move to its last."""
_SHORTEST, _LONGEST = 0.15, 0.8
_CLOSING, _SHUT = 0.33, 0.08
"""Shares of that time in which a lid goes down, and in which it stays shut."""


def paced_blinks(n_frames: int, per_minute: float, owed: float, rng: np.random.Generator) -> tuple[list[int], float]:
    """Frames of blinks at a given rate, at uneven distances.

    Args:
        n_frames: length of the track.
        per_minute: blinks a minute, over many tracks.
        owed: share of a blink that tracks before it leave to this one.
        rng: source of chance.

    Returns:
        The frames, and the share that is left over.
    """
    wanted = owed + per_minute * n_frames / (60 * FPS)
    count = int(wanted)
    share = n_frames / max(count, 1)
    # each somewhere in the middle of its share of the track: no two at once, and none at an end
    frames = [int((number + rng.uniform(0.25, 0.75)) * share) for number in range(count)]
    return frames, wanted - count


def blink_frames(
    n_frames: int, phrase_ends: np.ndarray, rng: np.random.Generator, rate: float = 1.0, until: int | None = None
) -> list[int]:
    """Frames at which the lids are shut: every 1.2 to 4.4 s, drawn to ends of phrases; none in the first or last 0.6 s.

    Args:
        n_frames: length of the track.
        phrase_ends: (T,) bool.
        rng: source of chance.
        rate: at least 1; the time between two is that much shorter.
        until: the first blink comes no later, as far as the first 0.6 s stay free. A track too short for any has one
            about its middle when the next track's would be too late. None = no matter.
    """
    edge, shortest = round(FPS * EDGE), round(FPS * _SHORTEST_STARE / rate)
    reach = max(round(FPS * _REACH / rate), edge + shortest)
    until = n_frames + edge if until is None else until
    last_frame = n_frames - edge
    if last_frame <= edge:
        late = until < n_frames + edge and n_frames >= FPS * _ROOM
        return [int(rng.integers(n_frames // 4, n_frames - n_frames // 4))] if late else []
    first, final = edge, min(reach, last_frame)
    alone = n_frames <= 2 * reach - FPS * _NARROW or (n_frames <= 2 * reach and rng.random() < 0.5)
    if alone:
        first = max(edge, n_frames - reach)
    final = min(final, max(edge, until))
    first = min(first, final)
    frames = [_drawn(first, final, rng.uniform(first, final), phrase_ends, rng)]
    if alone:
        return frames
    while n_frames - frames[-1] > reach or (len(frames) == 1 and frames[0] + shortest <= last_frame):
        first = frames[-1] + shortest
        final = min(frames[-1] + round(FPS * _LONGEST_STARE / rate), last_frame)
        target = frames[-1] + FPS * rng.gamma(6.0, 0.6) / rate
        if target > last_frame == final:  # anywhere in what is left: at its very end all people would blink at once
            first = max(first, n_frames - reach)
            target = rng.uniform(first, final)
        frames.append(_drawn(first, final, target, phrase_ends, rng))
    return frames


def _drawn(first: int, final: int, target: float, ends: np.ndarray, rng: np.random.Generator) -> int:
    """A frame between two, at the target or, three times in four, at an end of a phrase within 1.3 s of it."""
    window = np.arange(first, final + 1)
    near = window[(np.abs(window - target) < 1.3 * FPS) & (ends[window.clip(max=len(ends) - 1)] > 0)]
    if len(near) and rng.random() < 0.75:
        target = near[np.argmin(np.abs(near - target))] + rng.integers(0, 7)
        target -= 2 * max(0, target - final)  # turned back: at the last frame people would blink at once, too
    return int(np.clip(round(target), first, final))


def blink_lengths(count: int, rng: np.random.Generator, longer: float = 1.0) -> np.ndarray:
    """Seconds from the first to the last move of the lids, of so many blinks, (count,); ``longer`` is a factor."""
    drawn = _LENGTH * longer * np.exp(_SPREAD * rng.standard_normal(count))
    return np.asarray(drawn.clip(_SHORTEST, _LONGEST))


def write_blinks(out: np.ndarray, frames: list[int], rng: np.random.Generator, longer: float = 1.0) -> None:
    """Adds blinks to (T, 57), shut at these frames; brows, lower lids and gaze follow a little.

    A blink begins and ends within the track.
    """
    times = np.arange(len(out)) / FPS
    for frame, length in zip(frames, blink_lengths(len(frames), rng, longer), strict=True):
        shut = _SHUT * length
        closing = min(_CLOSING * length, (frame + 1) / FPS)
        opening = min(length - shut - _CLOSING * length, (len(out) - frame) / FPS - shut)
        t = times - frame / FPS
        lid = np.where(t < 0, smoothstep(1 + t / closing), 1 - smoothstep((t - shut) / max(opening, 1 / FPS)))
        lid = lid * rng.uniform(0.93, 1.0)
        for side in ("Left", "Right"):
            channel = INDEX[f"eyeBlink{side}"]
            out[:, channel] = np.maximum(out[:, channel], lid * rng.uniform(0.97, 1.0))
            out[:, INDEX[f"eyeSquint{side}"]] += 0.10 * lid
            out[:, INDEX[f"browDown{side}"]] += 0.04 * lid
            out[:, INDEX[f"eyeLookDown{side}"]] += 0.10 * lid
