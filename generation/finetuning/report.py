"""The report on an adapter: figures at several strengths as JSON and text, voice similarity, lip timing, sounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from generation.adapters.metadata import read_about
from generation.core.clock import FPS, MELS_PER_FRAME, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.motion import WEIGHTS
from generation.core.performance import CastMember, Line
from generation.data.grid_corpus import Sentence
from generation.finetuning.transcription import load_whisper
from generation.finetuning.trial import Prompt, Trial, monotone, try_adapter
from generation.metrics.lip_sync import mouth_timing
from generation.metrics.style import UNITS
from generation.metrics.word_errors import word_errors
from generation.models.duration_predictor import DurationPredictor
from generation.motion.articulation import LipGeometry
from generation.motion.rig import FaceRig
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling
from generation.text.phonemizer import phonemize
from generation.voices.bank import VoiceBank

SENTENCES = (
    "The train to the coast leaves at seven, and nobody has bought a ticket yet.",
    "I never said that it was easy, but it can be done before the winter.",
    "Where did you put the small blue key, the one for the garden door?",
    "Come in, sit down, and tell me everything from the very beginning.",
    "She opened the letter, read it twice, and laid it back on the table.",
    "We could still turn around, or we could find out what is behind the hill.",
)
"""What adapters are tried on; no sentence of the corpus."""
_TIMED = "timed"


def prompts(lines: int, voice: np.ndarray | None = None, language: str | None = None) -> list[Prompt]:
    """The first so many sentences, in a voice (64,) or each in another one of the bank."""
    bank = VoiceBank.load()
    made = []
    for number, text in enumerate(SENTENCES[:lines]):
        preset = bank[bank.names[5 * number % len(bank.names)]]
        embedding = preset.embedding if voice is None else voice
        made.append(Prompt(f" {phonemize(text, preset.language if language is None else language)} ", embedding))
    return made


def trials(
    pipeline: JointPipeline,
    durations: DurationPredictor,
    path: Path,
    said: Sequence[Prompt],
    strengths: Sequence[float],
    steps: int | None = None,
) -> dict[float, Trial]:
    """:func:`generation.finetuning.trial.try_adapter` with the sampler that ships, or in so many guided steps."""
    return try_adapter(pipeline, durations, path, said, strengths, Sampling(steps=steps))


def write_report(
    folder: Path, path: Path, facts: Mapping[str, Any], found: Mapping[float, Trial], target_figures: Mapping[str, int]
) -> str:
    """``report.json`` and ``report.txt`` of an adapter, with its sound at strength 0 and 1; the text.

    Args:
        folder: gets the files.
        path: of the adapter.
        facts: about its training, if it was just trained.
        found: trials by strength, 0 and 1 among them.
        target_figures: the figures that it is meant to move, each up (1) or down (-1).
    """
    about = read_about(path)
    report = {"changes": about.part, "trained_on": about.trained_on, "megabytes": path.stat().st_size / 1e6, **facts}
    report["strengths"] = {f"{strength:g}": one.figures for strength, one in found.items()}
    report["meant"] = dict(target_figures)
    report["monotone"] = {figure: monotone(dict(found), figure, sign) for figure, sign in target_figures.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = _written(report, found)
    (folder / "report.txt").write_text(text, encoding="utf-8")
    for strength in (0.0, 1.0):
        write_trial(folder / f"strength_{strength:g}.wav", found[strength])
    return text


def voice_similarity(
    pipeline: JointPipeline,
    durations: DurationPredictor,
    path: Path,
    voice: np.ndarray,
    clips: Sequence[np.ndarray],
    lines: int,
    steps: int | None = None,
) -> dict[str, float]:
    """Speaker similarity to the clips, and word errors, of an adapter; empty without the packages that judge them.

    Args:
        pipeline: the base.
        durations: says how long each symbol lasts.
        path: of the adapter.
        voice: (64,) as the speaker encoder hears the clips.
        clips: their sounds, (S,) float32 at 24 kHz each.
        lines: sentences to be said.
        steps: of the guided sampler; None = the sampler that ships.

    Returns:
        ``sim_*``: mean cosine of Resemblyzer's embeddings to the clips'; ``wer_*``: share of wrong words. ``preset``:
        voices of the bank; ``embedding``: the base told ``voice``; ``adapter``: at strength 1.
    """
    transcribe = load_whisper()
    if transcribe is None or find_spec("resemblyzer") is None or find_spec("jiwer") is None:
        return {}
    from resemblyzer import SpeakerEncoder, preprocess_wav
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    encoder, normalise = SpeakerEncoder("cpu", verbose=False), EnglishTextNormalizer({})

    def embed(sound: np.ndarray) -> np.ndarray:
        return encoder.embed_utterance(preprocess_wav(sound, source_sr=SAMPLE_RATE))

    own = np.mean([embed(sound) for sound in clips], 0)
    own /= np.linalg.norm(own)
    presets, adapted = trials(pipeline, durations, path, prompts(lines), (0.0, 1.0), steps).values()
    (embedding,) = trials(pipeline, durations, path, prompts(lines, voice), (0.0,), steps).values()
    said = [normalise(text).split() for text in SENTENCES[:lines]]
    found = {}
    for name, made in (("preset", presets), ("embedding", embedding), ("adapter", adapted)):
        found[f"sim_{name}"] = float(np.mean([embed(line) @ own for line in made.lines]))
        heard = [normalise(" ".join(part.text for part in transcribe(line))).split() for line in made.lines]
        wrong = sum(word_errors(words, other) for words, other in zip(said, heard, strict=True))
        found[f"wer_{name}"] = wrong / sum(map(len, said))
    return found


def lip_timing(
    pipeline: JointPipeline, path: Path, clips: Sequence[Sentence], steps: int | None = None
) -> dict[str, float]:
    """Lips at strength 0 and 1 against real ones of the same sound: ``mtm_ms_*``, mean distance of matched extrema.

    For adapters that change motion: lips belong to what is said, whoever moves them.

    Args:
        pipeline: the base.
        path: of the adapter.
        clips: real tracked sentences that no training saw.
        steps: of the guided sampler; None = the sampler that ships.
    """
    bank, lips = VoiceBank.load(), LipGeometry.of(FaceRig.load())
    pipeline.adapters.load(_TIMED, path)
    found = {}
    try:
        for strength in (0.0, 1.0):
            member = CastMember("SPEAKER", bank.embedding(bank.names[0]), adapters=((_TIMED, strength),))
            means = []
            for seed, clip in enumerate(clips):
                n_frames = len(clip.waveform) // SAMPLES_PER_FRAME
                line = Line("line", 0, 0, n_frames, " ", (MELS_PER_FRAME * n_frames,), clip.waveform)
                made = pipeline([line], [member], n_frames, seed=seed, sampling=Sampling(steps=steps))
                gap = lips.gap(made.characters[0].motion.values[: len(clip.gap), WEIGHTS])
                matched = mouth_timing(clip.gap, gap)
                means += [matched.mean() * 1000 / FPS] if len(matched) else []
            found[f"mtm_ms_{strength:g}"] = float(np.mean(means)) if means else float("nan")
    finally:
        pipeline.adapters.unload(_TIMED)
    return found


def write_trial(path: Path, found: Trial) -> Path:
    """All lines of a trial as one WAV file, a third of a second between them."""
    sound = np.concatenate([np.pad(line, (0, SAMPLE_RATE // 3)) for line in found.lines])
    soundfile.write(path, sound, SAMPLE_RATE)
    return path


def _written(report: Mapping[str, Any], found: Mapping[float, Trial]) -> str:
    """The report as a short text: a line about the training, and a row for each figure."""
    lines = [f"{report['name']}: changes {report['changes']}. {report['trained_on']}"]
    if "held_out" in report:
        loss, size = report["held_out"], report["size"]
        lines.append(
            f"{report['steps']} steps in {report['minutes']:.1f} min, rank {size['rank']},"
            f" {report['megabytes']:.2f} MB; held-out loss {loss['before']:.4f} -> {loss['after']:.4f}."
        )
    for measured in ("similarity", "timing"):
        if measured in report:
            lines.append("; ".join(f"{name} {value:.3f}" for name, value in report[measured].items()) + ".")
    material = report.get("material", {})
    head = "".join(f"{f'at {s:g}':>9}" for s in found) + (f"{'material':>10}" if material else "")
    lines += ["", f"{'figure':<14}{head}  meant"]
    for figure in (name for name in UNITS if any(name in one.figures for one in found.values())):
        direction = report["meant"].get(figure)
        meant = "" if direction is None else "up" if direction > 0 else "down"
        meant += "" if direction is None or report["monotone"][figure] else ", not monotone"
        values = "".join(_cell(one.figures, figure, 9) for one in found.values())
        values += _cell(material, figure, 10) if material else ""
        lines.append(f"{figure:<14}{values}  {meant:<6} {UNITS[figure]}".rstrip())
    return "\n".join(lines) + "\n"


def _cell(figures: Mapping[str, float], figure: str, width: int) -> str:
    """A figure of a table, or a dash: a whisper has no pitch."""
    return f"{figures[figure]:>{width}.3f}" if figure in figures else f"{'-':>{width}}"
