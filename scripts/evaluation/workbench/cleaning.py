"""Recordings in noise and in rooms, cleaned: SI-SDR before and after, on held-out sentences.

python -m scripts.evaluation.workbench.cleaning --shared ../shared
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from generation.core.clock import SAMPLE_RATE
from generation.data.background_sounds import noise
from generation.recordings.cleaning import clean_recording
from scripts.evaluation.inputs import Corpus

_SECONDS = 8
_SPEECH_TO_NOISE = (-2.5, 10.0)
"""dB between which the noise is drawn."""
_ROOMS = (0.3, 0.9)
"""Seconds in which a room dies away by 60 dB."""


def si_sdr(made: np.ndarray, wanted: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., arXiv 1811.02508) of two sounds (S,)."""
    made, wanted = made - made.mean(), wanted - wanted.mean()
    target = (made @ wanted) / (wanted @ wanted) * wanted
    return float(10 * np.log10((target @ target) / ((made - target) @ (made - target))))


def in_noise(speech: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Speech (S,) with noise of a random kind at a random level."""
    sound = np.pad(noise(len(speech) / SAMPLE_RATE, random), (0, len(speech)))[: len(speech)]
    level = 10 ** (-random.uniform(*_SPEECH_TO_NOISE) / 20)
    return (speech + level * np.sqrt((speech @ speech) / (sound @ sound)) * sound).astype(np.float32)


def in_a_room(speech: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Speech (S,) in a random room: the direct sound, and a tail of as much power as it or less."""
    n = round(random.uniform(*_ROOMS) * SAMPLE_RATE)
    tail = random.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail[: round(0.003 * SAMPLE_RATE)] = 0
    tail *= random.uniform(0.5, 1.0) / np.sqrt(tail @ tail)
    tail[0] = 1
    return fftconvolve(speech, tail)[: len(speech)].astype(np.float32)


def cleaning(corpus: Corpus, count: int) -> dict[str, float]:
    """Figures over some held-out recordings.

    Returns:
        ``noise_db`` and ``room_db``: mean SI-SDR to the dry speech as it came; ``noise_gain_db`` and ``room_gain_db``
        what cleaning adds; ``clean_db``: of a clean recording that was cleaned; ``sum_error``: the largest difference
        of speech and rest from the recording.
    """
    names = [row["id"] for row in corpus.rows if row["split"] == "test"][:count]
    found: dict[str, list[float]] = {"noise": [], "noise_gain": [], "room": [], "room_gain": [], "clean": []}
    error = 0.0
    for number, name in enumerate(names):
        speech = corpus.recording(name).waveform[: _SECONDS * SAMPLE_RATE]
        random = np.random.default_rng(number)
        for kind, mixed in (("noise", in_noise(speech, random)), ("room", in_a_room(speech, random))):
            made = clean_recording(mixed)
            before = si_sdr(mixed, speech)
            found[kind].append(before)
            found[f"{kind}_gain"].append(si_sdr(made.speech, speech) - before)
            error = max(error, float(np.abs(made.speech + made.rest - mixed).max()))
        found["clean"].append(si_sdr(clean_recording(speech).speech, speech))
    return {f"{key}_db": float(np.mean(values)) for key, values in found.items()} | {"sum_error": error}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with corpus/")
    parser.add_argument("--clips", type=int, default=40)
    arguments = parser.parse_args()
    print(json.dumps(cleaning(Corpus(arguments.shared), arguments.clips), indent=1))


if __name__ == "__main__":
    main()
