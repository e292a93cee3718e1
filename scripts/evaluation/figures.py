"""Figures of the documents: mouth shapes of the main sounds, frames of a sentence, opening against loudness.

python -m scripts.evaluation.figures --shared ../shared      writes assets/docs/*.webp (make eval does it, too)
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from generation.audio.voice_activity import frame_loudness
from generation.core.clock import FPS, MELS_PER_FRAME
from generation.core.motion import MotionTrack
from generation.data.grid_corpus import Sentence, held_out_sentences
from generation.metrics.lip_sync import mouth_loudness
from masks.topology import LIPS_OUTER
from scripts.evaluation.inputs import Corpus, Prompt
from scripts.evaluation.measures.binding import SPEECH_CHANNELS
from scripts.evaluation.measures.lip_sync import rig_gap, rig_lips
from scripts.evaluation.measures.rendered_face import Portrait
from scripts.evaluation.scene_runs import perform, write_drawn
from scripts.evaluation.synthesis import Synthesis, Take

ROOT = Path(__file__).resolve().parent.parent.parent

SOUNDS = {
    "p b m": "pbm", "f v": "fv", "th": "θð", "s z": "sz", "sh": "ʃʒ", "w": "w", "ee": "i", "e": "ɛ", "a": "æ",
    "ah": "ɑ", "oh": "o", "oo": "u",
}  # fmt: skip
"""What a column is called, and the symbols that it may show."""
TAKES, STRIP = 12, 10
"""Sentences that the sounds are looked for in, and frames of the strip."""


def main() -> None:
    """Writes all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder with corpus/ and motion/")
    parser.add_argument("--work", type=Path, default=ROOT / "work", help="where what was made is kept")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "docs")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    draw(args.shared, args.work / "eval", args.out)


def draw(shared: Path, kept: Path, out: Path) -> None:
    """Writes ``mouths.webp``, ``strip.webp`` and ``loudness.webp``."""
    synthesis, portrait = Synthesis(kept), Portrait(kept / "watched")
    prompts = Corpus(shared).prompts(TAKES)
    takes = [synthesis.speak(prompt.text, prompt.voice, number) for number, prompt in enumerate(prompts)]
    _save(mouths(takes, portrait, synthesis, kept), out / "mouths.webp")
    chosen = min(range(TAKES), key=lambda i: abs(takes[i].length - 4.0))
    _save(strip(takes[chosen], prompts[chosen], portrait), out / "strip.webp")
    _save(loudness(takes[chosen], prompts[chosen], held_out_sentences(shared, 8)[0]), out / "loudness.webp")


def mouths(takes: Sequence[Take], portrait: Portrait, synthesis: Synthesis, kept: Path) -> plt.Figure:
    """A drawn face and a photograph saying each of :data:`SOUNDS`: the one nearest to the mean of all."""
    shapes = {"rest": np.zeros_like(takes[0].motion[0])}
    shapes |= {name: shape for name, symbols in SOUNDS.items() if (shape := typical(takes, symbols)) is not None}
    track = MotionTrack(np.stack([*shapes.values()]) * SPEECH_CHANNELS)
    stage = perform(write_drawn(kept / "casts" / "1", ("Alice",), [(0, "Hello.", 0.0)], reverse=False), synthesis)
    rows = [
        _around_mouth(stage.renderer().frames([track]), stage.geometry.assigned[0].face.points),
        _around_mouth(portrait.frames(track), portrait.still),
    ]
    figure, axes = plt.subplots(2, len(track), figsize=(0.8 * len(track), 1.9), dpi=110)
    for axis, (name, picture) in zip(axes.flat, [(n, p) for row in rows for n, p in zip(shapes, row)]):
        axis.imshow(picture)
        axis.set_axis_off()
        axis.set_title(name if axis in axes[0] else "", fontsize=9)
    figure.subplots_adjust(0.005, 0.01, 0.995, 0.88, 0.04, 0.04)
    return figure


def typical(takes: Sequence[Take], symbols: str) -> np.ndarray | None:
    """Of the motion (57,) in the middle of each of some symbols, the one whose mouth is nearest to their mean.

    None if none of them is said.
    """
    found = []
    for take in takes:
        ends = np.cumsum(take.durations)
        for symbol, length, end in zip(take.phonemes, take.durations, ends, strict=True):
            if symbol in symbols:
                found.append(take.motion[take.start + int(end - length / 2) // MELS_PER_FRAME])
    if not found:
        return None
    lips = rig_lips(np.stack(found)).reshape(len(found), -1)
    return found[int(np.linalg.norm(lips - lips.mean(0), axis=1).argmin())]


def strip(take: Take, prompt: Prompt, portrait: Portrait) -> plt.Figure:
    """Frames of a sentence at even distances, heads and eyes as they move."""
    frames = np.linspace(take.start, len(take.motion) - take.start - 1, STRIP).astype(int)
    pictures = list(portrait.frames(MotionTrack(take.motion[frames])))
    figure, axes = plt.subplots(1, STRIP, figsize=(1.05 * STRIP, 1.75), dpi=110)
    for axis, frame, picture in zip(axes, frames, pictures, strict=True):
        axis.imshow(picture[40:400, 90:390])
        axis.set_axis_off()
        axis.set_title(f"{(frame - take.start) / FPS:.1f} s", fontsize=8)
    figure.text(0.5, 0.03, f"{prompt.text}   (AI-generated)", ha="center", fontsize=8)
    figure.subplots_adjust(0.005, 0.1, 0.995, 0.9, 0.03, 0)
    return figure


def loudness(take: Take, prompt: Prompt, clip: Sentence) -> plt.Figure:
    """Mouth opening against loudness over time, of one of our sentences and of a real clip."""
    figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), dpi=100)
    for axis, gap, sound, name in (
        (axes[0], rig_gap(take.motion), take.speech, f"ours: {prompt.text}"),
        (axes[1], clip.gap - np.quantile(clip.gap, 0.1), clip.waveform, "a real clip (GRID)"),
    ):
        times = np.arange(len(gap)) / FPS
        level = 20 / np.log(10) * frame_loudness(sound)
        axis.fill_between(times, np.maximum(level - level.max(), -45), -45, color="#c9d6df", lw=0)
        axis.set_ylabel("loudness, dB", fontsize=8)
        other = axis.twinx()
        other.plot(times, gap, color="#b5402a", lw=1.4)
        other.set_ylabel("opening", fontsize=8, color="#b5402a")
        axis.set_title(f"{name}   (r = {mouth_loudness(gap, sound):.2f})", fontsize=8, loc="left")
        axis.set_xlim(0, times[-1])
        for each in (axis, other):
            each.tick_params(labelsize=7)
    axes[1].set_xlabel("seconds", fontsize=8)
    figure.tight_layout(pad=0.5)
    return figure


def _around_mouth(frames: Iterator[np.ndarray], points: np.ndarray) -> list[np.ndarray]:
    lips = points[list(LIPS_OUTER), :2]
    (x, y), reach = lips.mean(0), 1.1 * np.ptp(lips[:, 0])
    top, bottom, left, right = (int(v) for v in (y - reach, y + reach, x - reach, x + reach))
    return [frame[max(top, 0) : bottom, max(left, 0) : right] for frame in frames]


def _save(figure: plt.Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    Image.open(buffer).convert("RGB").save(path, quality=82, method=6)


if __name__ == "__main__":
    main()
