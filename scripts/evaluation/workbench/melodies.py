"""Recordings converted to another voice, whispers voiced, and songs: words, voice, timing, pitch and closed lips.

python -m scripts.evaluation.workbench.melodies --shared ../shared --work work
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from generation.core.clock import HOP, SAMPLE_RATE, samples_from_frames
from generation.core.performance import Line
from generation.metrics.lip_sync import contact_frames
from generation.metrics.word_errors import word_errors
from generation.singing.syllables import melody, syllables
from scripts.evaluation.inputs import Corpus
from scripts.evaluation.judges import Judges
from scripts.evaluation.measures.lip_sync import Spoken, closure, rig_gap
from scripts.evaluation.measures.speakers import voice_centre
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene
from studio.timeline.recordings import notes_of_line

SONGS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("Henry", "Twinkle twinkle little star, how I wonder what you are.",
     {"notes": "C3 C3 G3 G3 A3 A3 G3:2 F3 F3 E3 E3 D3 D3 C3:2", "tempo": 100}),
    ("Alice", "Row, row, row your boat, gently down the stream.",
     {"notes": "C4:1.5 C4:1.5 C4 D4:0.5 E4:1.5 E4 D4:0.5 E4 F4:0.5 G4:3", "tempo": 120}),
    ("Edith", "Bring back, bring back, oh bring back my Bonnie to me.",
     {"notes": "C4:2 F4:2 r D4:2 G4:2 r F4 E4 E4 E4 D4 E4 F4 G4:2", "tempo": 110}),
)  # fmt: skip
"""Voice, words and notes; the melodies are traditional."""
_CENTS = 50.0


@dataclass(frozen=True)
class Made:
    """A line as it was made: on the clock, its sound (S,) and its motion (T, 57)."""

    line: Line
    sound: np.ndarray
    motion: np.ndarray


def made(models: Models, voice: str, text: str, keys: Mapping[str, Any]) -> tuple[Made, Scene]:
    """A line of one voice, through the studio."""
    cast = [{"name": "SPEAKER", "voice": voice, "role": "narrator"}]
    script = [{"who": "SPEAKER", "text": text, "start": 0, **keys}]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": script})
    performer, progress = ScenePerformer(scene, Path(), models, speakers_only=True), Progress([Stage("speech", 1)])
    timeline = performer.timeline()
    progress.start("speech")
    with tempfile.TemporaryDirectory() as work:
        alone = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
        found = performer.perform(timeline, *alone, Path(work), progress)
        line = timeline.lines[0]
        sound = found.speech[0][: samples_from_frames(line.stop)]
        return Made(line, sound, found.motion[0][: line.stop]), scene


def track(waveform: np.ndarray) -> np.ndarray:
    """MIDI number at each 10 ms, NaN without a voice, by pYIN of librosa: (S,) at 24 kHz to (S / 240,)."""
    import librosa

    hertz, voiced, _ = librosa.pyin(waveform, fmin=60, fmax=600, sr=SAMPLE_RATE, frame_length=1536, hop_length=HOP)
    return np.where(voiced, 69 + 12 * np.log2(np.where(voiced, hertz, 440.0) / 440), np.nan)


def conversion(models: Models, judges: Judges, corpus: Corpus, count: int, whispered: bool) -> dict[str, float]:
    """Held-out recordings said by presets in turn; with ``whispered`` they are whispered first, by that style.

    Returns:
        ``wer``, ``source_wer`` of what is converted, ``sim`` to the recordings that the preset was learned from,
        ``source_sim`` of the recording to these, ``p808``, ``timing_ms``: median difference of the beginnings of
        words, laid by Whisper; ``melody_r``: correlation of pitch with the recording's, where both have one.
    """
    prefix = "whisper" if whispered else "convert"
    rows = [row for row in corpus.rows if row["split"] == "test"][7::7][:count]
    errors, source_errors, n_words = 0, 0, 0
    found: dict[str, list[float]] = {name: [] for name in ("sim", "source_sim", "p808", "timing_ms", "melody_r")}
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(rows):
            voice = models.voices.names[number % len(models.voices.names)]
            source = corpus.recording(row["id"]).waveform
            if whispered:
                other = models.voices.names[(number + 5) % len(models.voices.names)]
                source = made(models, other, row["text"], {"styles": {"whisper": 1.0}})[0].sound
            path = Path(folder) / f"{number}.wav"
            soundfile.write(path, source, SAMPLE_RATE, "FLOAT")
            try:
                result, _ = made(models, voice, row["text"], {"recording": str(path), "convert": True})
            except ValueError:
                found.setdefault("refused", []).append(1.0)
                continue
            wanted = judges.normal(row["text"])
            errors += word_errors(wanted, judges.words(result.sound))
            source_errors += word_errors(wanted, judges.words(source))
            n_words += len(wanted)
            centre = voice_centre(judges, corpus, models.voices[voice].trained_on)
            found["sim"].append(float(judges.voice(result.sound) @ centre))
            found["source_sim"].append(float(judges.voice(source) @ centre))
            found["p808"].append(judges.quality(result.sound)[1])
            words = row["text"].split()
            laid = [[placed.start for placed in judges.lay(words, sound)] for sound in (source, result.sound)]
            found["timing_ms"].append(1000 * float(np.median(np.abs(np.subtract(*laid)))))
            if not whispered:
                found["melody_r"].append(_alike(track(source), track(result.sound)))
    figures = {"wer": errors / max(n_words, 1), "source_wer": source_errors / max(n_words, 1)}
    figures |= {name: float(np.mean(values)) for name, values in found.items() if values and name != "refused"}
    figures["refused"] = float(len(found.get("refused", [])))
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    n = min(len(one), len(other))
    both = np.isfinite(one[:n]) & np.isfinite(other[:n])
    return float(np.corrcoef(one[:n][both], other[:n][both])[0, 1])


def singing(models: Models, judges: Judges, corpus: Corpus, folder: Path | None = None) -> dict[str, float]:
    """Songs of :data:`SONGS`; their sounds are left in a folder where one is given.

    Returns:
        ``sing_wer``; ``sing_in_tune``: share of the voiced frames within 50 cents of the melody asked for, with its
        glides; ``sing_sim`` to the voice's recordings; ``sing_p808``; ``sing_closure``: lips closed on p, b and m.
    """
    errors, n_words = 0, 0
    tune, alike, quality, lips = [], [], [], []
    for number, (voice, text, song) in enumerate(SONGS):
        result, scene = made(models, voice, text, {"sing": song})
        line = result.line
        notes = notes_of_line(scene, Path(), scene.script[0], line.phonemes)
        lead = sum(line.durations[: syllables(line.phonemes)[0].vowel])
        wanted, heard = melody(notes, lead, sum(line.durations)), track(result.sound)[: sum(line.durations)]
        sure = np.isfinite(heard)
        tune.append(float((100 * np.abs(heard - wanted[: len(heard)])[sure] < _CENTS).mean()))
        words = judges.normal(text)
        errors += word_errors(words, judges.words(result.sound))
        n_words += len(words)
        centre = voice_centre(judges, corpus, models.voices[voice].trained_on)
        alike.append(float(judges.voice(result.sound) @ centre))
        quality.append(judges.quality(result.sound)[1])
        contacts = contact_frames(line.phonemes, line.durations, line.start)
        lips.append(Spoken(rig_gap(result.motion), result.sound, contacts, number))
        if folder is not None:
            soundfile.write(folder / f"song{number}.wav", result.sound, SAMPLE_RATE)
    shut = closure(lips)
    return {
        "sing_wer": errors / n_words, "sing_in_tune": float(np.mean(tune)), "sing_in_tune_least": min(tune),
        "sing_sim": float(np.mean(alike)), "sing_p808": float(np.mean(quality)), "sing_closure": shut["closure"],
        "sing_closure_chance": shut["closure_chance"],
    }  # fmt: skip


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with corpus/")
    parser.add_argument("--work", type=Path, default=Path("work"), help="what was heard is kept in its eval/judged")
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--whispers", type=int, default=5)
    arguments = parser.parse_args()
    judges, corpus = Judges(arguments.work / "eval" / "judged"), Corpus(arguments.shared)
    models = Models.load()
    arguments.work.mkdir(parents=True, exist_ok=True)
    print(json.dumps(singing(models, judges, corpus, arguments.work), indent=1), flush=True)
    for whispered, count in ((True, arguments.whispers), (False, arguments.lines)):
        print(json.dumps(conversion(models, judges, corpus, count, whispered), indent=1), flush=True)


if __name__ == "__main__":
    main()
