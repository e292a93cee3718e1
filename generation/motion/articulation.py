"""Articulatory features of phonemes, lip targets, and correction of lip labels by them.

Corrections belong to making labels only; motion sampled by the model is never touched by a rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from generation.core.arrays import runs
from generation.core.clock import FPS, MEL_RATE
from generation.core.motion import INDEX
from generation.motion.rig import FaceRig
from generation.text.timed_phonemes import STRESS_MARKS, TimedPhonemes

# Openness of the jaw (0 shut .. 1 wide), frontness (-1 back .. 1 front) and lip rounding, after the IPA's vowel chart.
_VOWELS: dict[str, tuple[float, float, float]] = {
    "a": (0.90, 0.5, 0.0), "æ": (0.85, 0.8, 0.0), "ɐ": (0.70, 0.0, 0.0), "ɑ": (1.00, -0.8, 0.0),
    "ɒ": (0.85, -0.9, 0.5), "ɔ": (0.65, -0.9, 0.8), "o": (0.50, -0.9, 0.9), "ə": (0.35, 0.0, 0.0),
    "ɚ": (0.35, -0.1, 0.3), "ɛ": (0.60, 0.8, 0.0), "e": (0.45, 0.9, 0.0), "ɜ": (0.45, 0.0, 0.2),
    "ɪ": (0.30, 0.8, 0.0), "i": (0.22, 1.0, 0.0), "ᵻ": (0.28, 0.4, 0.0), "ʊ": (0.30, -0.7, 0.7),
    "u": (0.20, -0.9, 1.0), "ʌ": (0.65, -0.4, 0.0),
    "y": (0.20, 0.9, 1.0), "ø": (0.40, 0.8, 0.9), "œ": (0.60, 0.6, 0.7),
}  # fmt: skip
_PLACES = ("bilabial", "labiodental", "dental", "alveolar", "postalveolar", "velar", "glottal")
_MANNERS = ("stop", "nasal", "fricative", "approximant")
# Place, manner, largest jaw opening and rounding of the consonants.
_CONSONANTS: dict[str, tuple[str, str, float, float]] = {
    "p": ("bilabial", "stop", 0.2, 0.0), "b": ("bilabial", "stop", 0.2, 0.0), "m": ("bilabial", "nasal", 0.2, 0.0),
    "f": ("labiodental", "fricative", 0.2, 0.0), "v": ("labiodental", "fricative", 0.2, 0.0),
    "θ": ("dental", "fricative", 0.25, 0.0), "ð": ("dental", "fricative", 0.25, 0.0),
    "t": ("alveolar", "stop", 0.25, 0.0), "d": ("alveolar", "stop", 0.25, 0.0), "n": ("alveolar", "nasal", 0.3, 0.0),
    "s": ("alveolar", "fricative", 0.12, 0.0), "z": ("alveolar", "fricative", 0.12, 0.0),
    "l": ("alveolar", "approximant", 0.4, 0.0), "ɾ": ("alveolar", "stop", 0.3, 0.0),
    "r": ("alveolar", "approximant", 0.35, 0.2), "ɹ": ("postalveolar", "approximant", 0.3, 0.5),
    "ʃ": ("postalveolar", "fricative", 0.15, 0.7), "ʒ": ("postalveolar", "fricative", 0.15, 0.7),
    "j": ("velar", "approximant", 0.25, 0.0), "k": ("velar", "stop", 0.4, 0.0), "ɡ": ("velar", "stop", 0.4, 0.0),
    "ŋ": ("velar", "nasal", 0.4, 0.0), "x": ("velar", "fricative", 0.35, 0.0), "w": ("velar", "approximant", 0.15, 1.0),
    "ɲ": ("velar", "nasal", 0.3, 0.0), "ʎ": ("velar", "approximant", 0.35, 0.0), "ʝ": ("velar", "fricative", 0.25, 0.0),
    "ɣ": ("velar", "approximant", 0.4, 0.0), "ʁ": ("velar", "fricative", 0.4, 0.0),
    "β": ("bilabial", "approximant", 0.2, 0.0),
    "h": ("glottal", "fricative", 0.5, 0.0), "ʔ": ("glottal", "stop", 0.5, 0.0),
}  # fmt: skip
INNER_LIP_PAIRS: tuple[tuple[int, int], ...] = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402))
"""Upper and lower points of the inner lip contour of the 478-point mesh, middle of the mouth first."""
FEATURES: tuple[str, ...] = (
    "vowel", "openness", "frontness", "rounding", *_PLACES, *_MANNERS, "pause", "space", "stressed",
)  # fmt: skip
N_FEATURES = len(FEATURES)
_COLUMN = {name: i for i, name in enumerate(FEATURES)}
_NEAR = np.float32(0.6)
"""Of a closure, the lips of the Spanish b between vowels."""
LEAD_SECONDS = 0.01
"""Frame k shows the face of the time around (k + 0.5) / 25 s - 10 ms: where the closures of the tracked clips lie."""
PAUSE_SECONDS = 0.12
"""A run of spaces and punctuation at least this long, and quiet, counts as a pause."""
ANY_PAUSE_SECONDS = 0.25
"""Silence of this length counts as a pause whatever the phonemes say."""


def _features_of(symbol: str) -> np.ndarray:
    row = np.zeros(N_FEATURES, np.float32)
    if symbol in _VOWELS:
        row[:4] = 1.0, *_VOWELS[symbol]
    elif symbol in _CONSONANTS:
        place, manner, openness, rounding = _CONSONANTS[symbol]
        row[1], row[3] = openness, rounding
        row[_COLUMN[place]] = row[_COLUMN[manner]] = 1.0
    else:
        row[_COLUMN["space" if symbol == " " else "pause"]] = 1.0
    return row


def phonetic_features(timed: TimedPhonemes, n_mels: int) -> np.ndarray:
    """Articulatory features at 100 Hz, (n_mels, N_FEATURES) float32, in the order of :data:`FEATURES`.

    Features instead of symbols, so that phonemes the teacher's few words lack are understood from their neighbours.
    """
    table = np.stack([_features_of(symbol) for symbol in timed.carriers()])
    table[:, _COLUMN["stressed"]] = timed.stressed()
    return table[timed.at(MEL_RATE, n_mels)]


def pauses(timed: TimedPhonemes, quiet: np.ndarray) -> np.ndarray:
    """Silence at 100 Hz: quiet runs of at least 120 ms in spaces and punctuation, of 250 ms anywhere.

    The corpus's last phoneme often lasts far into the silence after it, hence the second rule.

    Args:
        quiet: (M,) bool from :func:`quiet_frames`.

    Returns:
        (M,) bool.
    """
    features = phonetic_features(timed, len(quiet))
    silent = (features[:, _COLUMN["pause"]] + features[:, _COLUMN["space"]] > 0) & quiet
    out = np.zeros(len(quiet), bool)
    for flags, shortest in ((silent, PAUSE_SECONDS), (quiet, ANY_PAUSE_SECONDS)):
        for start, stop in runs(flags):
            out[start:stop] |= stop - start >= shortest * MEL_RATE
    return out


@dataclass(frozen=True)
class LipTargets:
    """What the lips must do at 25 frames/s; each (T,) float32 in 0..1.

    Attributes:
        closed: lips pressed together (p b m), or near each other (β).
        labiodental: lower lip at the upper teeth (f v).
        rounded: lips protruded and rounded (u o w and such).
        flared: lips protruded but open (sh, zh).
        spread: corners drawn apart (i e and such).
        hissed: teeth together behind parted lips (s z).
        openness: jaw opening of the phoneme, relative to the speaker's range.
        vowel: share of the frame that is a vowel, so that ``openness`` is wanted and not only allowed.
        pause: silence, the mouth shut.
        loudness: level of the sound, 0 = 30 dB below the loud frames.
    """

    closed: np.ndarray
    labiodental: np.ndarray
    rounded: np.ndarray
    flared: np.ndarray
    spread: np.ndarray
    hissed: np.ndarray
    openness: np.ndarray
    vowel: np.ndarray
    pause: np.ndarray
    loudness: np.ndarray


def lip_targets(timed: TimedPhonemes, pause: np.ndarray, loudness: np.ndarray) -> LipTargets:
    """Targets on the video clock from exact phoneme times.

    Args:
        timed: phonemes of the utterance.
        pause: (4 T,) bool at 100 Hz from :func:`pauses`.
        loudness: (T,) from :func:`loudness_track`.
    """
    n_frames, n = len(loudness), len(pause)
    features = phonetic_features(timed, n)
    column = {name: features[:, i] for name, i in _COLUMN.items()}
    boundary = (column["pause"] + column["space"] > 0) & ~pause
    openness = _bridge(column["openness"], boundary)
    rounding = gaussian_filter1d(_bridge(column["rounding"], boundary), 2.5)
    spread = np.clip(column["frontness"], 0, 1) * (1 - column["openness"]) * (1 - column["rounding"])
    sibilant, hiss = (column[place] * column["fricative"] for place in ("postalveolar", "alveolar"))
    return LipTargets(
        closed=np.maximum(_contacts(timed, n_frames, "pbm"), _NEAR * _contacts(timed, n_frames, "β")),
        labiodental=_contacts(timed, n_frames, "fv"),
        rounded=_to_frames(rounding),
        flared=_to_frames(gaussian_filter1d(sibilant, 3.0)),
        spread=_to_frames(gaussian_filter1d(spread, 3.0)),
        hissed=_to_frames(gaussian_filter1d(hiss, 2.0)),
        openness=_to_frames(gaussian_filter1d(openness, 3.0)),
        vowel=_to_frames(gaussian_filter1d(column["vowel"], 2.0)),
        pause=_pause_gate(pause),
        loudness=loudness,
    )


def _to_frames(values: np.ndarray) -> np.ndarray:
    """(4 T,) at 100 Hz -> (T,) means over the 40 ms that begin 10 ms before each frame (see :data:`LEAD_SECONDS`)."""
    values = np.concatenate([values[:1], values[:-1]])
    return values.reshape(-1, 4).mean(1).astype(np.float32)


def _bridge(values: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Interpolates over word boundaries, where the articulators move from one sound to the next."""
    known = np.flatnonzero(~gaps)
    return np.interp(np.arange(len(values)), known, values[known]) if len(known) else values


def _contacts(timed: TimedPhonemes, n_frames: int, symbols: str) -> np.ndarray:
    """Contact of the lips, (T,): 1 in frames mostly inside the phoneme and in the one at its middle, ramps beside them.

    At 25 frames/s a 40 ms closure falls between two frames as often as into one: the frame at its middle is always
    shut, or the eye would miss the closure.
    """
    contact = np.zeros(n_frames, np.float32)
    edges = np.arange(n_frames + 1) / FPS - LEAD_SECONDS
    for i, symbol in enumerate(timed.carriers()):
        if symbol not in symbols or timed.symbols[i] in STRESS_MARKS:
            continue
        start, stop = timed.bounds[i], timed.bounds[i + 1]
        covered = np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None) * FPS
        own = np.where(covered > 0.6, 1.0, 0.8 * covered)
        own[min(int(((start + stop) / 2 + LEAD_SECONDS) * FPS), n_frames - 1)] = 1.0
        ramp = 0.35 * maximum_filter1d(own, 3)
        contact = np.maximum(contact, np.maximum(own, ramp))
    return contact.astype(np.float32)


def _pause_gate(silent: np.ndarray) -> np.ndarray:
    """Shut in silence; closing ends 100 ms after the sound, opening starts 100 ms before it, (T,) from (4 T,) bool."""
    gate = np.zeros(len(silent))
    for start, stop in runs(silent):
        inner_start = start + 6 if start else 0
        inner_stop = stop - 6 if stop < len(silent) else stop
        if inner_stop > inner_start:
            gate[inner_start:inner_stop] = 1.0
    return _to_frames(gaussian_filter1d(gate, 3.0))


_SPREAD = tuple(INDEX[f"mouth{n}{s}"] for n in ("Smile", "Stretch", "Dimple") for s in ("Left", "Right"))
_PRESS = tuple(INDEX[n] for n in ("mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"))


@dataclass(frozen=True)
class LipGeometry:
    """How the rig's lips follow the weights, and how far this kind of face opens.

    Attributes:
        opening: (51,) inner-lip gap, in inter-ocular distances, per unit of each weight.
        open_range: gap of an open vowel in the same unit.
    """

    opening: np.ndarray
    open_range: float = 0.22

    @classmethod
    def of(cls, rig: FaceRig) -> LipGeometry:
        """Lips of a rig: mean gap of the three middle pairs of its inner lip points."""
        upper, lower = (rig.basis[:, list(points), 1].mean(1) for points in zip(*INNER_LIP_PAIRS[:3], strict=True))
        return cls((upper - lower).astype(np.float32))

    def gap(self, weights: np.ndarray) -> np.ndarray:
        """Inner-lip gap of (..., 51) weights; 0 = the picture at rest."""
        return weights @ self.opening


def correct_lips(weights: np.ndarray, targets: LipTargets, lips: LipGeometry, pull: float = 0.6) -> np.ndarray:
    """Teacher's sample with what phonetics knows applied on top.

    Amounts are set so that the mean gap in the middle of each kind of sound comes near that of the tracked clips, and
    its correlation with loudness, too (``docs/training/notebook.md``).

    Args:
        weights: (T, 51) float32, 0..1, mouth channels from the teacher.
        targets: from :func:`lip_targets`, T frames.
        lips: the rig's lips.
        pull: share by which vowels move towards the opening that their height calls for.

    Returns:
        (T, 51) float32, 0..1.
    """
    gap = np.clip(lips.gap(weights), 0, None)
    goal = (targets.openness + 0.5 * targets.spread) * lips.open_range * (0.5 + 0.8 * targets.loudness)
    level = targets.loudness**2
    louder = targets.vowel * 1.5 * level + (1 - targets.vowel) * (0.4 + level)
    wanted = (gap + pull * targets.vowel * (goal - gap)) * louder
    ceiling = (targets.openness + 0.5) * lips.open_range
    out = with_lip_gap(_shaped(weights.astype(np.float32), targets), np.minimum(wanted, ceiling), lips)
    contact = targets.labiodental
    gap = np.clip(lips.gap(out), 0, None)
    touching = np.minimum(np.maximum(gap, 0.25 * contact * lips.open_range), lips.open_range * (1 - 0.75 * contact))
    out = with_lip_gap(out, np.where(contact > 0, touching, gap), lips)
    for channel in _PRESS:
        out[:, channel] = np.maximum(out[:, channel], 0.06 * targets.closed)
    gap = np.clip(lips.gap(out), 0, None)
    out = with_lip_gap(out, gap * (1 - targets.closed), lips)
    out *= (1 - targets.pause)[:, None]
    return np.clip(out, 0, 1)


_SHAPES: dict[str, dict[str, float]] = {
    "rounded": {"mouthPucker": 0.6, "mouthFunnel": 0.1},
    "flared": {"mouthFunnel": 0.2},
    "spread": {"mouthStretch": 0.55, "mouthSmile": 0.3, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "hissed": {"mouthStretch": 0.15, "mouthLowerDown": 0.2, "mouthUpperUp": 0.08},
    "labiodental": {"mouthRollLower": 0.45, "mouthUpperUp": 0.3},
}
"""Least weights at full amount of each target. Tracked scores hardly show them: they are of faces 64 pixels wide."""


def _shaped(weights: np.ndarray, targets: LipTargets) -> np.ndarray:
    """Shapes of the lips, whatever their gap: corners, protrusion, teeth bared or bitten on."""
    out = weights.copy()
    for target, shape in _SHAPES.items():
        amount = getattr(targets, target)
        for name, weight in shape.items():
            for channel in (INDEX[n] for n in (name, f"{name}Left", f"{name}Right") if n in INDEX):
                out[:, channel] = np.maximum(out[:, channel], weight * amount)
    out[:, _SPREAD] *= (1 - np.maximum(targets.rounded, targets.flared))[:, None]
    return out


def with_lip_gap(weights: np.ndarray, wanted: np.ndarray, lips: LipGeometry, keep_jaw: float = 0.5) -> np.ndarray:
    """The same mouth shapes with another inner-lip gap.

    Openers are scaled, down to ``keep_jaw`` of their amount; what then remains too open is closed by ``mouthClose``,
    lips meeting over a jaw that stays open, as they do in p b m between open vowels.

    Args:
        weights: (T, 51).
        wanted: (T,) gap, inter-ocular distances.
        lips: the rig's lips.
        keep_jaw: least share of the openers that stays.

    Returns:
        (T, 51), 0..1.
    """
    out = weights.copy()
    effect = out * lips.opening
    up, down = np.clip(effect, 0, None).sum(1), np.clip(effect, None, 0).sum(1)
    factor = np.clip((wanted - down) / np.maximum(up, 1e-6), keep_jaw, 1.6)
    out[:, lips.opening > 0] *= factor[:, None]
    missing = wanted - lips.gap(out)
    jaw, close = INDEX["jawOpen"], INDEX["mouthClose"]
    shut = np.clip(-missing, 0, None) / -float(lips.opening[close])
    opened = np.clip(missing - 0.003, 0, None)
    undone = np.minimum(out[:, close], opened / -float(lips.opening[close]))
    out[:, close] += shut - undone
    out[:, jaw] += (opened + undone * float(lips.opening[close])) / float(lips.opening[jaw])
    return np.clip(out, 0, 1)
