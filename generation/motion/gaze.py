"""Gaze and lids of people: seeded events that depend on who speaks and where they sit.

Fixations of 0.3 to 2 s joined by saccades, listeners' on the one who speaks (Argyle and Cook 1976); blinks are those of
:mod:`generation.motion.behaviour.blinks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from generation.audio.mel import mel_spectrogram
from generation.audio.voice_activity import voice_level
from generation.core.arrays import runs, seed_of
from generation.core.clock import FPS
from generation.core.delivery import AVERAGE, Delivery
from generation.core.motion import BLENDSHAPES, INDEX, N_CHANNELS, ROTATION, MotionTrack
from generation.core.performance import Performance
from generation.motion.behaviour.blinks import EDGE, LONGEST_WAIT, SHORT, blink_frames, paced_blinks, write_blinks

EYES = tuple(INDEX[name] for name in BLENDSHAPES if name.startswith(("eyeLook", "eyeBlink")))
"""Channels of gaze and lids."""
ACROSS = 0.45
"""Gaze weight at which the eyes look at somebody a whole picture's half away."""
_STEADY = 0.8
"""Gaze weight by which eyes make up for a turn of the head by one radian."""
_ASIDE, _LEAST_LOOK = 0.09, 4
"""Gaze weight, and frames, from which on a look aside is seen by others."""
_FOLLOWED, _FOLLOWS = 0.95, round(0.28 * FPS)
"""Chance that a listener's eyes go along, and frames later."""
_HEAVY = 2.0
"""How much longer blinks last by how far the lids hang: of the style weary by 44 %."""
_LATER = round(0.25 * FPS)
"""Frames by which a blink comes later after another's phrase than after one's own."""
AWAY = (0.28, -0.16)
"""Gaze, across and up, of somebody who looks away."""


@dataclass(frozen=True)
class Cues:
    """What a person does and hears, on the 25 frames/s clock; every array is (T,).

    Attributes:
        stress: strength 0..1 in the frame of each stressed syllable's middle, 0 elsewhere.
        speaking: the person's own voice, 0..1.
        heard: the others' voices, 0..1.
        side: where the one who is heard sits in the picture, -1 (left) .. 1 (right); 0 = the viewer's direction.
    """

    stress: np.ndarray
    speaking: np.ndarray
    heard: np.ndarray
    side: np.ndarray

    def __post_init__(self) -> None:
        lengths = {name: np.shape(getattr(self, name)) for name in ("stress", "speaking", "heard", "side")}
        if len(set(lengths.values())) != 1 or len(np.shape(self.stress)) != 1:
            raise ValueError(f"Gesture cues must be arrays of one length; got {lengths}.")


@dataclass(frozen=True)
class GazeSpan:
    """A stretch of a scene whose eyes depend on nothing outside it.

    Attributes:
        start: first video frame.
        stop: frame after the last one.
        key: seeds it, with the person's name.
        delivery: of everybody in it; None = everybody's is average.
        blinks: a minute, of everybody; None = as their delivery has it.
    """

    start: int
    stop: int
    key: str
    delivery: tuple[Delivery, ...] | None = None
    blinks: tuple[float | None, ...] | None = None


def add_gaze(
    performance: Performance,
    spans: Sequence[GazeSpan],
    sides: np.ndarray,
    targets: np.ndarray | None = None,
    driven: np.ndarray | None = None,
) -> Performance:
    """The performance with gaze and lids drawn anew within the spans, see :func:`draw_eyes`; everything else stays."""
    tracks = [part.motion.values.copy() for part in performance.characters]
    for span, eyes in draw_eyes(performance.window, spans, sides, targets, driven):
        for track, own in zip(tracks, eyes, strict=True):
            track[span.start : span.stop, EYES] = own
    parts = zip(performance.characters, tracks, strict=True)
    return replace(performance, characters=tuple(replace(part, motion=MotionTrack(track)) for part, track in parts))


def draw_eyes(
    window: Callable[[int, int], Performance],
    spans: Sequence[GazeSpan],
    sides: np.ndarray,
    targets: np.ndarray | None = None,
    driven: np.ndarray | None = None,
    partners: Mapping[int, np.ndarray] | None = None,
) -> Iterator[tuple[GazeSpan, list[np.ndarray]]]:
    """Gaze and lids, span by span.

    A face blinks at the ends of phrases of the voices that it speaks with, and looks at the others.

    Args:
        window: the performance of K people, T frames, from one frame to another; asked for a span at a time.
        spans: where, without overlap.
        sides: (K,) where each sits, -1 (left) .. 1 (right).
        targets: (K, T, 2) gaze that the script asks for, weights across (right positive) and up; NaN = up to them.
        driven: (K, K, T) bool, whether voice i drives face j; None = everybody's own.
        partners: by face (T,) whom it listens to, -1 = nobody: its eyes go along, most times, when theirs go aside.

    Yields:
        A span, and the channels :data:`EYES` of everybody over it, (n, E) float32.
    """
    spared, owed = [False] * len(sides), [0.5] * len(sides)
    blinked = [spans[0].start if spans else 0] * len(sides)
    for span in spans:
        frames = slice(span.start, span.stop)
        parts = window(span.start, span.stop).characters
        voices = np.stack([voice_level(mel_spectrogram(torch.from_numpy(part.speech)).numpy()) for part in parts])
        drawings, eyes = [], []
        for k, part in enumerate(parts):
            seed = seed_of(span.key, part.name, "eyes")
            wanted = None if targets is None else targets[k, frames]
            cues = cues_of(k, voices, sides, None if driven is None else driven[:, :, frames])
            own = AVERAGE if span.delivery is None else span.delivery[k]
            # Of short stretches in a row every other one has a blink, or fewer where the wait allows it.
            n_frames, until = span.stop - span.start, blinked[k] + round(FPS * LONGEST_WAIT) - span.start
            spared[k] = n_frames < FPS * SHORT and not spared[k] and until >= n_frames + round(FPS * EDGE)
            head = part.motion.values[:, ROTATION]
            rate = None if span.blinks is None else span.blinks[k]
            paced = None
            if rate is not None:
                paced, owed[k] = paced_blinks(n_frames, rate, owed[k], np.random.default_rng([seed, 1]))
            draw = partial(_eyes, cues, head, seed, until=None if spared[k] else until, delivery=own, paced=paced)
            drawings.append((draw, wanted, seed))
            eyes.append(draw(targets=wanted))
        alone = [aim for _, _, aim in eyes]
        for k, (draw, wanted, seed) in enumerate(drawings):
            if partners is not None and k in partners:
                along = _joint_attention(alone, partners[k][frames], np.random.default_rng([seed, 2]))
                if np.isfinite(along).any():
                    eyes[k] = draw(targets=along if wanted is None else np.where(np.isnan(wanted), along, wanted))
            _, drawn, _ = eyes[k]
            blinked[k] = span.start + drawn[-1] if drawn else blinked[k]
        yield span, [made[:, EYES] for made, _, _ in eyes]


def gaze_of(motion: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Where eyes look, (T, 2) across to the picture's right and up, the turn of the head (T, 3) included."""
    weight = {name: motion[:, INDEX[f"eyeLook{name}"]] for name in ("OutLeft", "InRight", "InLeft", "OutRight")}
    across = (weight["OutLeft"] + weight["InRight"] - weight["InLeft"] - weight["OutRight"]) / 2
    up = [motion[:, INDEX[f"eyeLookUp{side}"]] - motion[:, INDEX[f"eyeLookDown{side}"]] for side in ("Left", "Right")]
    return np.stack([across + _STEADY * head[:, 1], np.mean(up, 0) - _STEADY * head[:, 0]], 1)


def _joint_attention(gaze: Sequence[np.ndarray], partner: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Targets (T, 2) of a listener whose eyes follow a partner's that go aside, NaN where they are up to themselves.

    Args:
        gaze: everybody's, (T, 2).
        partner: (T,) whom the listener hears, -1 = nobody.
        rng: source of chance.
    """
    targets = np.full((len(partner), 2), np.nan, np.float32)
    for other in np.unique(partner[partner >= 0]):
        across, up = gaze[other].T
        aside = (partner == other) & (np.hypot(across, up) > _ASIDE) & (np.abs(across) < 0.8 * ACROSS)
        for start, stop in runs(aside):
            if stop - start >= _LEAST_LOOK and rng.random() < _FOLLOWED:
                late = slice(start + _FOLLOWS, stop + _FOLLOWS)
                targets[late] = gaze[other][start:stop].mean(0)
    return targets


def cues_of(k: int, voices: np.ndarray, sides: np.ndarray, driven: np.ndarray | None = None) -> Cues:
    """What face ``k`` says and hears: the loudest voice that drives it, the loudest other, and where that comes from.

    Args:
        k: face.
        voices: (K, T) level of each voice, 0..1.
        sides: (K,) where each face is, -1 (left) .. 1 (right).
        driven: (K, K, T) bool, whether voice i drives face j; None = everybody's own.
    """
    if driven is None:
        driven = np.repeat(np.eye(len(voices), dtype=bool)[:, :, None], voices.shape[1], 2)
    own, count = driven[:, k], driven.sum(1)
    mean = np.einsum("vkt,k->vt", driven, sides.astype(np.float64)) / np.maximum(count, 1)
    places = np.where(count > 0, mean, sides[:, None])
    others = np.where(own, -1.0, voices)
    loudest = others.argmax(0)
    heard = others.max(0).clip(min=0).astype(np.float32)
    side = np.clip(places[loudest, np.arange(voices.shape[1])] - sides[k], -1, 1) * (heard > 0)
    none = np.zeros(voices.shape[1], np.float32)
    return Cues(none, np.where(own, voices, 0).max(0).astype(np.float32), heard, side.astype(np.float32))


def eye_motion(
    cues: Cues,
    head: np.ndarray,
    seed: int,
    targets: np.ndarray | None = None,
    delivery: Delivery = AVERAGE,
) -> np.ndarray:
    """Gaze and lids of one person.

    Args:
        cues: T frames.
        head: (T, 3) rotation of the head, which the eyes make up for.
        seed: the same seed and cues give the same eyes.
        targets: (T, 2) as of :func:`draw_eyes`.
        delivery: how often the eyes avoid what they would look at, how often they blink, how far the lids hang.

    Returns:
        (T, 57) float32 in [0, 1]; zero but for lids, gaze and what goes along with a blink.
    """
    return _eyes(cues, head, seed, targets, len(head) + FPS, delivery)[0]


def _eyes(
    cues: Cues,
    head: np.ndarray,
    seed: int,
    targets: np.ndarray | None,
    until: int | None,
    delivery: Delivery,
    paced: list[int] | None = None,
) -> tuple[np.ndarray, list[int], np.ndarray]:
    """What :func:`eye_motion` gives, the frames drawn for blinks, the first by ``until``, and where the eyes look.

    ``until`` None = no blinks. Where they look, (T, 2) across and up, does not depend on the head.

    With ``paced`` the blinks are at these frames.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((len(head), N_CHANNELS), np.float32)
    aim = write_gaze(out, cues, held_turns(cues.speaking), head, rng, targets, delivery.gaze_aversion)
    drawn, longer = [], 1 + _HEAVY * delivery.lids
    if paced is not None:
        drawn = paced
        write_blinks(out, paced, rng, longer)
    elif until is not None:
        drawn = blink_frames(len(head), phrase_ends(cues), rng, max(delivery.blinks, 1.0), until)
        # some are left out, so that short stretches have fewer as well
        kept = [frame for frame in drawn if delivery.blinks >= 1 or rng.random() < delivery.blinks]
        write_blinks(out, kept, rng, longer)
    lids = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
    out[:, lids] = delivery.lids + (1 - delivery.lids) * out[:, lids]
    return out.clip(0, 1), drawn, aim


def write_gaze(
    out: np.ndarray,
    cues: Cues,
    talks: np.ndarray,
    head: np.ndarray,
    rng: np.random.Generator,
    targets: np.ndarray | None = None,
    gaze_aversion: float = 0.0,
) -> np.ndarray:
    """Adds gaze to (T, 57): at the viewer, at the one who speaks, briefly away, or where ``targets`` (T, 2) say.

    The share ``gaze_aversion`` of the looks that the script leaves open goes down and aside.

    Returns:
        Where the eyes look, (T, 2) across and up, for which they make up as the head turns.
    """
    n = len(out)
    across, up = np.zeros(n), np.zeros(n)
    frame = 0
    while frame < n:
        stop = min(n, frame + max(8, min(int(FPS * rng.gamma(4.0, 0.3)), 2 * FPS)))
        hears = float(cues.heard[frame]) > 0.5 and talks[frame] < 0.5
        if targets is not None and np.isfinite(targets[frame, 0]):
            aim = tuple(targets[frame])
            stop = min(stop, frame + int(np.argmin(np.append((targets[frame:] == targets[frame]).all(1), False))))
        elif gaze_aversion and rng.random() < gaze_aversion:
            aim = (rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.25), -rng.uniform(0.2, 0.35))
        elif hears and rng.random() < 0.7:
            aim = (ACROSS * float(cues.side[frame]), 0.0)
        elif not hears and talks[frame] > 0.5 and rng.random() < 0.2:
            aim = (rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.28), rng.uniform(-0.2, 0.15))
            stop = min(stop, frame + int(0.9 * FPS))
        else:
            aim = (0.0, 0.0)
        if targets is not None and not np.isfinite(targets[frame, 0]) and np.isfinite(targets[frame:stop, 0]).any():
            stop = frame + int(np.argmax(np.isfinite(targets[frame:stop, 0])))
        across[frame:stop], up[frame:stop] = aim + rng.normal(0, 0.015, 2)
        frame = stop
    # A saccade of this size takes 40 to 50 ms: about one frame; eyes keep their aim while the head turns.
    across, up = gaussian_filter1d(across, 0.45), gaussian_filter1d(up, 0.45)
    aim_eyes(out, across - _STEADY * head[:, 1], up + _STEADY * head[:, 0])
    return np.stack([across, up], 1)


def aim_eyes(out: np.ndarray, across: np.ndarray, up: np.ndarray) -> None:
    """Adds gaze to (T, 57): weights (T,) across, right positive, and up."""
    right, left = np.clip(across, 0, None), np.clip(-across, 0, None)
    for name, amount in (("OutLeft", right), ("InRight", right), ("InLeft", left), ("OutRight", left)):
        out[:, INDEX[f"eyeLook{name}"]] += amount
    for side in ("Left", "Right"):
        out[:, INDEX[f"eyeLookUp{side}"]] += np.clip(up, 0, None)
        out[:, INDEX[f"eyeLookDown{side}"]] += np.clip(-up, 0, None)


def held_turns(speaking: np.ndarray) -> np.ndarray:
    """1 while a person holds the turn: gaps of the voice under 0.8 s are bridged, edges take 0.4 s."""
    voiced = np.asarray(speaking, np.float64) > 0.5
    held = voiced.copy()
    for start, stop in runs(~voiced):
        if 0 < start and stop < len(voiced) and stop - start < 0.8 * FPS:
            held[start:stop] = True
    return gaussian_filter1d(held.astype(np.float64), 0.16 * FPS)


def phrase_ends(cues: Cues) -> np.ndarray:
    """Frames just after a voice fell silent for at least 120 ms, one's own, or another's a moment ago, (T,) bool."""
    ends = np.zeros(len(cues.stress), bool)
    for voice, later in ((cues.speaking, 0), (cues.heard, _LATER)):
        for start, stop in runs(np.asarray(voice) <= 0.5):
            if start > 0 and stop - start >= 3:
                ends[start + later : start + later + 3] = True
    return ends
