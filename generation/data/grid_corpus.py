"""Reader of the GRID corpus (CC BY 4.0): audio, phonemes, and tracked motion relative to the speaker's rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from generation.core.clock import FPS, MEL_RATE, SAMPLES_PER_FRAME, mels_from_frames
from generation.core.motion import INDEX, MOUTH, N_CHANNELS, ROTATION, TRANSLATION, WEIGHTS
from generation.data.clips import Clip
from generation.motion.articulation import INNER_LIP_PAIRS, LipGeometry, with_lip_gap
from generation.motion.rig import FaceRig
from generation.text.timed_phonemes import TimedPhonemes

TRAIN_FILES: tuple[str, ...] = tuple(f"grid_s1_{k:02d}" for k in range(19))
HELD_OUT_FILES: tuple[str, ...] = ("grid_s1_19", "grid_s1_20")
# eSpeak NG (en-gb) on the corpus's 51 words; the letter slot holds letter names.
_WORDS: dict[str, str] = {
    "bin": "bˈɪn", "lay": "lˈeɪ", "place": "plˈeɪs", "set": "sˈɛt", "blue": "blˈuː", "green": "ɡɹˈiːn", "red": "ɹˈɛd",
    "white": "wˈaɪt", "at": "at", "by": "bˈaɪ", "in": "ˈɪn", "with": "wɪð", "zero": "zˈiəɹəʊ", "one": "wˌɒn",
    "two": "tˈuː", "three": "θɹˈiː", "four": "fˈɔː", "five": "fˈaɪv", "six": "sˈɪks",
    "seven": "sˈɛvən", "eight": "ˈeɪt", "nine": "nˈaɪn", "again": "ɐɡˈɛn", "now": "nˈaʊ", "please": "plˈiːz",
    "soon": "sˈuːn", "a": "ˈeɪ", "b": "bˈiː",
    "c": "sˈiː", "d": "dˈiː", "e": "ˈiː", "f": "ˈɛf", "g": "dʒˈiː", "h": "ˈeɪtʃ", "i": "ˈaɪ", "j": "dʒˈeɪ", "k": "kˈeɪ",
    "l": "ˈɛl", "m": "ˈɛm", "n": "ˈɛn", "o": "ˈəʊ", "p": "pˈiː", "q": "kjˈuː", "r": "ˈɑː", "s": "ˈɛs", "t": "tˈiː",
    "u": "jˈuː", "v": "vˈiː", "x": "ˈɛks", "y": "wˈaɪ", "z": "zˈɛd",
}  # fmt: skip
_MISSPELT = {"bine": "bin", "ate": "at", "fe": "f", "twoe": "two", "nowe": "now"}
_INTER_OCULAR_CM = 6.3  # between the eye centres of the canonical face
_MOUTH_INDEX = tuple(INDEX[name] for name in MOUTH)
_EYE_CORNERS = ((33, 133), (362, 263))
_SHUT_SCORE = 0.75  # eyeBlink of a shut eye on these small faces
_BLURRED_CLOSURE = 0.012  # median inner-lip gap that the tracker leaves at p b m, inter-ocular distances
_OPEN = 0.20  # 95th percentile of the gap


def mean_symbol_seconds(manifest: Path) -> dict[str, float]:
    """Mean length of each phoneme symbol in the corpus, seconds."""
    total: dict[str, int] = {}
    count: dict[str, int] = {}
    for line in manifest.read_text().splitlines():
        record = json.loads(line)
        for symbol, units in zip(record["phonemes"], record["durations"][1:-1], strict=True):
            total[symbol] = total.get(symbol, 0) + units
            count[symbol] = count.get(symbol, 0) + 1
    return {symbol: 0.025 * total[symbol] / count[symbol] for symbol in total}


@dataclass(frozen=True)
class Sentence:
    """One tracked sentence.

    Attributes:
        name: file and sentence, unique.
        waveform: (960 T,) float32, 24 kHz.
        motion: (T, 57) float32 relative to the speaker's rest, channels as in :data:`generation.core.motion.CHANNELS`.
        gap: (T,) float32, tracked inner-lip gap over the inter-ocular distance.
        timed: phonemes; None where no word times exist.
    """

    name: str
    waveform: np.ndarray
    motion: np.ndarray
    gap: np.ndarray
    timed: TimedPhonemes | None


def held_out_sentences(shared: Path, count: int) -> list[Sentence]:
    """Real tracked sentences that no training saw, spread over the held-out files."""
    seconds = mean_symbol_seconds(shared / "corpus" / "manifest.jsonl")
    sentences = list(read_sentences(shared / "motion", HELD_OUT_FILES, seconds))
    return sentences[:: max(1, len(sentences) // count)][:count]


def read_sentences(folder: Path, files: tuple[str, ...], symbol_seconds: dict[str, float]) -> Iterator[Sentence]:
    """Sentences of the tracked files in order.

    Args:
        folder: holds ``grid_*.npz``, ``grid_*.opus`` and ``grid_s1_words.json``.
        files: names without suffix.
        symbol_seconds: mean length of each phoneme symbol; words are divided among their phonemes in proportion.
    """
    lips = LipGeometry.of(FaceRig.load())
    words = json.loads((folder / "grid_s1_words.json").read_text())
    for file in files:
        with np.load(folder / f"{file}.npz") as archive:
            data = {key: archive[key] for key in archive.files}
        waveform = soundfile.read(folder / f"{file}.opus", dtype="float32")[0]
        gap = _lip_gap(data)
        for name, start, stop in zip(data["seg_name"], data["seg_start"][:-1], data["seg_start"][1:], strict=True):
            sound = waveform[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
            sound = np.pad(sound, (0, (stop - start) * SAMPLES_PER_FRAME - len(sound)))
            times = words.get(str(name)) if file.startswith("grid_s1") else None
            yield Sentence(
                name=f"{file}/{name}",
                waveform=sound,
                motion=_relative_motion(
                    data["blendshapes"][start:stop], data["matrix"][start:stop], gap[start:stop], lips
                ),
                gap=gap[start:stop],
                timed=_timed(times, (stop - start) / FPS, symbol_seconds) if times else None,
            )


def training_sentences(shared: Path) -> Iterator[Sentence]:
    """The sentences that training may see, of the folder that holds ``motion/`` and ``corpus/``."""
    seconds = mean_symbol_seconds(shared / "corpus" / "manifest.jsonl")
    return read_sentences(shared / "motion", TRAIN_FILES, seconds)


def clip(sentence: Sentence) -> Clip:
    """A sentence to learn from: sound, motion within its ranges, and phonemes where their times are known."""
    motion = sentence.motion.astype(np.float32)
    motion[:, WEIGHTS] = motion[:, WEIGHTS].clip(0, 1)
    timed, n_mels, phonemes, durations = sentence.timed, mels_from_frames(len(motion)), "", ()
    if timed is not None:
        bounds = np.round(timed.bounds[1:] * MEL_RATE).astype(int).clip(0, n_mels)
        bounds[-1] = n_mels
        phonemes, durations = timed.symbols, tuple(np.diff(bounds, prepend=0).tolist())
    return Clip(sentence.name, len(motion), sentence.waveform, phonemes, durations, motion)


def _timed(words: list[list[Any]], seconds: float, symbol_seconds: dict[str, float]) -> TimedPhonemes:
    symbols, bounds = "", [0.0]
    for _, stop, word in words:
        phonemes = " " if word in ("sil", "sp") else _WORDS[_MISSPELT.get(str(word), str(word))]
        start, stop = bounds[-1], min(float(stop), seconds)
        share = np.cumsum([symbol_seconds.get(p, 0.06) for p in phonemes])
        symbols += phonemes
        bounds.extend(start + (stop - start) * share / share[-1])
    bounds[-1] = max(bounds[-1], seconds)
    return TimedPhonemes(symbols, np.array(bounds))


def _lip_gap(data: dict[str, np.ndarray]) -> np.ndarray:
    """Inner-lip gap over the inter-ocular distance, mean of three pairs at the middle of the mouth, (T,)."""
    points = np.cumsum(data["lm_dq"].astype(np.int32), axis=0).transpose(0, 2, 1) * data["lm_scale"]
    width, height = data["image_size"]
    points = points * np.array([width, height, width])
    place = {int(p): i for i, p in enumerate(data["lm_idx"])}
    eyes = [points[:, [place[a], place[b]]].mean(1) for a, b in _EYE_CORNERS]
    gaps = [np.linalg.norm(points[:, place[a]] - points[:, place[b]], axis=1) for a, b in INNER_LIP_PAIRS[:3]]
    return (np.mean(gaps, 0) / np.linalg.norm(eyes[0] - eyes[1], axis=1)).astype(np.float32)


def _relative_motion(scores: np.ndarray, matrix: np.ndarray, gap: np.ndarray, lips: LipGeometry) -> np.ndarray:
    """(T, 57) relative to rest: mouth to the closed frames, eyelids to the open ones, gaze and head to their median.

    The lips' weights are adjusted so that the rig's gap is the tracked one, stretched so that blurred closures close.
    """
    weights = scores[:, 1:].astype(np.float32)
    rest = np.median(weights, axis=0)
    rest[list(_MOUTH_INDEX)] = np.median(weights[gap <= np.quantile(gap, 0.2)], axis=0)[list(_MOUTH_INDEX)]
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight"):
        rest[INDEX[name]] = np.quantile(weights[:, INDEX[name]], 0.25)
    out = np.zeros((len(weights), N_CHANNELS), np.float32)
    out[:, WEIGHTS] = np.clip(weights - rest, 0, 1)
    for positive, negative in _OPPOSITES:
        signed = weights[:, positive] - weights[:, negative]
        signed = signed - np.median(signed)
        out[:, positive], out[:, negative] = np.clip(signed, 0, 1), np.clip(-signed, 0, 1)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        out[:, INDEX[name]] = np.clip(out[:, INDEX[name]] / (_SHUT_SCORE - rest[INDEX[name]]), 0, 1)
    opening = np.clip(gap - np.quantile(gap, 0.1) - _BLURRED_CLOSURE, 0, None) * _OPEN / (_OPEN - _BLURRED_CLOSURE)
    out[:, WEIGHTS] = with_lip_gap(out[:, WEIGHTS], opening, lips, keep_jaw=0.9)
    # The 64 px face makes the pose noisy from frame to frame; heads move far slower than 40 ms.
    rotation = Rotation.from_matrix(_orthonormal(matrix[:, :3, :3].astype(np.float64)))
    out[:, ROTATION] = gaussian_filter1d((rotation * rotation.mean().inv()).as_rotvec(), 1.5, axis=0)
    position = matrix[:, :3, 3] - np.median(matrix[:, :3, 3], axis=0)
    out[:, TRANSLATION] = gaussian_filter1d(position / _INTER_OCULAR_CM, 1.5, axis=0)
    return out


def _orthonormal(matrices: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(matrices)
    return u @ vt


_OPPOSITES: tuple[tuple[int, int], ...] = tuple(
    (INDEX[f"eyeLook{a}{side}"], INDEX[f"eyeLook{b}{side}"])
    for a, b in (("In", "Out"), ("Up", "Down"))
    for side in ("Left", "Right")
)
