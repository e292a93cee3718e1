"""Listeners: how far their head, brows and gaze follow the speaker whom they see, beside another speaker's motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from generation.core.clock import FPS
from generation.core.motion import INDEX
from generation.metrics.binding import correlation

LAGS = range(round(0.2 * FPS), FPS + 1)
"""Frames by which a listener may be later than the speaker."""
Curve = Callable[[np.ndarray], np.ndarray]


def _channel(name: str) -> Curve:
    return lambda motion: motion[:, INDEX[name]]


def _across(motion: np.ndarray) -> np.ndarray:
    """Gaze to the picture's right, (T,)."""
    right, left = (("OutLeft", "InRight"), ("InLeft", "OutRight"))
    return sum(motion[:, INDEX[f"eyeLook{n}"]] for n in right) - sum(motion[:, INDEX[f"eyeLook{n}"]] for n in left)


REACTIONS: dict[str, tuple[Curve, Curve]] = {
    "nod": (_channel("headRotationX"), _channel("headRotationX")),
    "brows": (_channel("browInnerUp"), _channel("browInnerUp")),
    "gaze": (_channel("headTranslationX"), _across),
}
"""What of the speaker's motion (T, 57) and what of the listener's should go together, (T,) each."""


def reaction_to_partner(speakers: Sequence[np.ndarray], listeners: Sequence[np.ndarray]) -> dict[str, float]:
    """Correlation of finished motion of listeners with that of the speaker whom they see, and with another's.

    Args:
        speakers: (T, 57) motion of each speaker while nobody else speaks; at least two.
        listeners: (T, 57) motion of somebody who sees them, in the same frames.

    Returns:
        for each of :data:`REACTIONS` its mean r over the pairs at the lag where that is largest, ``nod``, and the same
        with the next pair's speaker in the speaker's place, ``nod_shuffled``; ``gain``: mean of the differences.

    Raises:
        ValueError: fewer than two pairs, or other numbers of speakers and listeners.
    """
    if len(speakers) < 2 or len(speakers) != len(listeners):
        raise ValueError(f"Reactions need two pairs or more; got {len(speakers)} speakers, {len(listeners)} listeners.")
    found = {}
    for name, (leading, following) in REACTIONS.items():
        led, followed = [leading(motion) for motion in speakers], [following(motion) for motion in listeners]
        found[name] = _best(led, followed)
        found[f"{name}_shuffled"] = _best([*led[1:], led[0]], followed)
    return found | {"gain": float(np.mean([found[name] - found[f"{name}_shuffled"] for name in REACTIONS]))}


def _best(leading: Sequence[np.ndarray], following: Sequence[np.ndarray]) -> float:
    """Mean r over pairs of curves, at the lag of the second where it is largest."""

    def r(lag: int, a: np.ndarray, b: np.ndarray) -> float:
        n = min(len(a), len(b)) - lag
        return correlation(a[:n], b[lag : lag + n]) if n > 0 else 0.0

    return max(float(np.mean([r(lag, a, b) for a, b in zip(leading, following, strict=True)])) for lag in LAGS)
