"""Benchmark of the sound mark: found after codecs, cuts and disturbances, false alarms, and what it costs the voice.

python -m scripts.benchmarks.sound_mark --markdown docs/provenance.md

Sounds are the sentences of the corpus and our own voices saying held-out ones, joined; words and quality are judged by
the networks of the evaluation, on our own voices. Writes two tables, also into a document between two marks of it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from generation.audio.loudness import mix
from generation.audio.sound_mark import find_sound_mark, mark_sound
from generation.audio.waveform import Audio, load_audio
from generation.core.clock import SAMPLE_RATE
from generation.core.ffmpeg import run_ffmpeg
from generation.metrics.word_errors import word_errors
from scripts.evaluation.inputs import Corpus, Prompt
from scripts.evaluation.judges import Judges
from scripts.evaluation.synthesis import Synthesis
from studio.core.scratch import scratch_folder

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- sound mark: written by scripts/benchmarks/sound_mark.py -->", "<!-- end of sound mark -->"
LENGTHS = (1.5, 3.0, 10.0)
"""Seconds of the pieces in which the mark is looked for."""
CHUNK = 60 * SAMPLE_RATE

Treatment = Callable[[np.ndarray], np.ndarray]


def coded(work: Path, name: str, *options: str) -> Treatment:
    """Through an encoder of ffmpeg and back to 24 kHz."""

    def apply(waveform: np.ndarray) -> np.ndarray:
        source, target = work / "source.wav", work / name
        soundfile.write(source, waveform, SAMPLE_RATE, subtype="FLOAT")
        run_ffmpeg(["-i", f"file:{source}", *options, f"file:{target}"], "The sound could not be encoded")
        return load_audio(target, most_seconds=7200).waveform

    return apply


def treatments(work: Path, other: np.ndarray) -> dict[str, Treatment]:
    """What may happen to a sound, by what the table calls it; ``other`` is heard on top, as loud and half as loud."""
    noise = np.random.default_rng(0).standard_normal(len(other)).astype(np.float32)

    def beside(sound: np.ndarray, decibels: float) -> Treatment:
        def apply(waveform: np.ndarray) -> np.ndarray:
            added = np.resize(sound, len(waveform))
            return waveform + added * (np.std(waveform) / np.std(added) * 10 ** (decibels / 20))

        return apply

    def faster(share: float) -> Treatment:
        def apply(waveform: np.ndarray) -> np.ndarray:
            places = np.arange(0, len(waveform) - 1, 1 + share)
            return np.interp(places, np.arange(len(waveform)), waveform).astype(np.float32)

        return apply

    aac = ("-c:a", "aac", "-b:a")
    return {
        "nothing": lambda waveform: waveform,
        "AAC 64 kbit/s, 48 kHz": coded(work, "a.m4a", "-ar", "48000", *aac, "64k"),
        "AAC 32 kbit/s": coded(work, "b.m4a", *aac, "32k"),
        "MP3 64 kbit/s, 44.1 kHz": coded(work, "a.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-b:a", "64k"),
        "Opus 24 kbit/s": coded(work, "a.opus", "-c:a", "libopus", "-b:a", "24k"),
        "16 bit at 44.1 kHz, 20 dB quieter": coded(work, "a.wav", "-ar", "44100", "-af", "volume=-20dB"),
        "16 bit at 16 kHz": coded(work, "b.wav", "-ar", "16000"),
        "equaliser and compressor": coded(work, "c.wav", "-af", "treble=g=8,bass=g=-6,acompressor=ratio=4"),
        "white noise, 20 dB below": beside(noise, -20),
        "another voice on top, half as loud": beside(other, -6),
        "another voice on top, as loud": beside(other, 0),
        "0.01 % faster": faster(1e-4),
        "0.1 % faster": faster(1e-3),
        "1 % faster": faster(1e-2),
    }


def pieces(waveform: np.ndarray, seconds: float, count: int | None) -> Iterator[np.ndarray]:
    """Cuts at random places; None = all that lie side by side."""
    length = round(seconds * SAMPLE_RATE)
    if count is None:
        starts = np.arange(0, len(waveform) - length + 1, length)
    else:
        starts = np.random.default_rng(1).integers(0, len(waveform) - length, count)
    return (waveform[start : start + length] for start in starts)


def found(parts: Iterator[np.ndarray]) -> tuple[int, int, float]:
    """In how many pieces the mark is found, of how many, and the highest score."""
    findings = [find_sound_mark([part]) for part in parts]
    return sum(f.found for f in findings), len(findings), max(f.score for f in findings)


def detection(waveform: np.ndarray, count: int, work: Path, other: np.ndarray) -> list[list[str]]:
    """Rows of the table: what was done, and the share of pieces of each length in which the mark is found."""
    marked = mark_sound(waveform)
    rows = [["done to the sound", *(f"found in {seconds:g} s" for seconds in LENGTHS)]]
    for name, treatment in treatments(work, other).items():
        treated = treatment(marked)
        shares = (found(pieces(treated, seconds, count)) for seconds in LENGTHS)
        rows.append([name, *(f"{100 * hits / of:.1f} %" for hits, of, _ in shares)])
        print(rows[-1], flush=True)
    return rows


def false_alarms(sounds: Sequence[tuple[str, np.ndarray]]) -> list[list[str]]:
    """Rows of the table: clean sounds, how many pieces of 3 s, in how many a mark is found, the highest score."""
    rows = [["clean sound", "pieces of 3 s", "false alarms", "highest score"]]
    for name, waveform in sounds:
        hits, of, highest = found(pieces(waveform, 3.0, None))
        rows.append([name, str(of), str(hits), f"{highest:.1f}"])
    return rows


def judged(lines: Sequence[tuple[Prompt, np.ndarray]], judges: Judges) -> list[list[str]]:
    """Rows of the table: word errors and quality of our own lines, mixed without and with the mark."""
    rows = [["our own lines", "word errors (Whisper tiny.en)", "DNSMOS p808"]]
    for name, marked in (("without the mark", False), ("with it", True)):
        errors = words = 0
        quality = []
        for prompt, line in lines:
            sound = mix([Audio(line, SAMPLE_RATE)], marked=marked).waveform
            said = judges.normal(prompt.text)
            errors, words = errors + word_errors(said, judges.words(sound)), words + len(said)
            quality.append(judges.quality(sound)[1])
        rows.append([name, f"{100 * errors / words:.2f} %", f"{np.mean(quality):.3f}"])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def cost(waveform: np.ndarray) -> str:
    """How far below the sound the mark lies, and processor time a second of sound."""
    began = time.process_time()
    marked = mark_sound(waveform)
    writing = (time.process_time() - began) / len(waveform) * SAMPLE_RATE
    began = time.process_time()
    find_sound_mark(marked[at : at + CHUNK] for at in range(0, len(marked), CHUNK))
    reading = (time.process_time() - began) / len(waveform) * SAMPLE_RATE
    below = 10 * np.log10(np.sum(waveform**2) / np.sum((marked - waveform) ** 2))
    times = f"a second of sound takes {1e3 * writing:.1f} ms of processor time to mark, to search {1e3 * reading:.1f}"
    return f"The mark lies {below:.1f} dB below the sound; {times} ms."


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with corpus/")
    parser.add_argument("--work", type=Path, default=ROOT / "work", help="where what was made and heard is kept")
    parser.add_argument("--sentences", type=int, default=100, help="how many our own voices say")
    parser.add_argument("--pieces", type=int, default=500, help="how many are cut of each length")
    parser.add_argument("--markdown", type=Path, help="put the tables into this file, between its two marks")
    args = parser.parse_args()
    corpus, synthesis, judges = Corpus(args.shared), Synthesis(args.work / "eval"), Judges(args.work / "eval/judged")
    recordings = np.concatenate([corpus.recording(row["id"]).waveform for row in corpus.rows])
    prompts = corpus.prompts(args.sentences)
    lines = [(p, synthesis.speak(p.text, p.voice, seed).line) for seed, p in enumerate(prompts)]
    ours = np.concatenate([line for _, line in lines])
    sample = np.concatenate([ours, recordings[: len(ours)]])
    with scratch_folder(args.work) as work:
        tables = [detection(sample, args.pieces, work, recordings[-len(sample) :])]
        again = coded(work, "clean.m4a", "-c:a", "aac", "-b:a", "64k")(sample)
    clean = [("recordings of the corpus", recordings), ("our own stems", ours), ("both after AAC 64 kbit/s", again)]
    tables += [false_alarms(clean), judged(lines, judges)]
    text = "\n\n".join([*map(markdown, tables), cost(sample)])
    print(text)
    if args.markdown:
        document = args.markdown.read_text(encoding="utf-8")
        before, after = document.split(BEGIN)[0], document.split(END)[1]
        args.markdown.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
