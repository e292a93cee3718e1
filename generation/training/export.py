"""Exports training checkpoints: EMA weights in bf16, and the voice bank."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import ModelMixin
from safetensors.numpy import save_file

from generation.adapters.lora import load_adapter
from generation.audio.pitch import median_pitch
from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus
from generation.models.duration_predictor import DurationPredictor
from generation.models.speaker_encoder import SpeakerEncoder
from generation.models.transformer import JointTransformer
from generation.models.vocoder import Vocoder
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import DISTILLED_ADAPTER
from generation.voices.bank import OCTAVE

PRESETS = {
    "af_bella": ("Maya", "American woman, high and level, even pace, soft treble"),
    "af_heart": ("Alice", "American woman, high and lively, brisk, clear"),
    "af_kore": ("Ruth", "American woman, low and lively, even pace, soft treble"),
    "af_nicole": ("Ivy", "American woman, low and hushed, very slow, bright"),
    "af_sarah": ("Claire", "American woman, high, even pace, bright"),
    "am_adam": ("Owen", "American man, middle pitch, even pace, clear"),
    "am_fenrir": ("Felix", "American man, high and very lively, brisk, clear"),
    "am_michael": ("Henry", "American man, middle pitch, unhurried, clear"),
    "am_onyx": ("Marcus", "American man, very low and level, even pace, soft treble"),
    "bf_emma": ("Edith", "British woman, middle pitch, even pace, bright"),
    "bm_fable": ("Rupert", "British man, middle pitch, lively, even pace, bright"),
    "bm_george": ("Arthur", "British man, high, slow, soft treble"),
}
"""Corpus voice -> name and line of the preset learned from it; lines measured in docs/training/notebook.md."""
RECORDINGS_A_VOICE = 8
RIDGE = 0.3
"""Of the regression; the one that foretells the pitch of voices left out best (.16 octaves)."""


def voice_table(work: Path) -> tuple[list[str], np.ndarray]:
    """Names and vectors (V, 64) float32 of the joint model's voices."""
    model = load_strict(JointTransformer, work / "joint" / "ema")
    return list(model.config.voice_names), model.voice_table.detach().float().numpy()


def publish(work: Path, assets: Path) -> None:
    """Writes the models, ``voices.safetensors`` and ``voices.json`` into ``assets``."""
    names, table = voice_table(work)
    pipeline = JointPipeline.assemble(
        _halved(load_strict(JointTransformer, work / "joint" / "ema")),
        _halved(load_strict(Vocoder, work / "vocoder" / "ema")),
    )
    shutil.rmtree(assets / "model", ignore_errors=True)
    pipeline.save_pretrained(assets / "model")
    if (work / DISTILLED_ADAPTER).is_dir():
        trained = work / DISTILLED_ADAPTER / "ema"
        load_adapter(pipeline.transformer.float(), DISTILLED_ADAPTER, trained)  # refuses one of other weights
        shutil.copytree(trained, assets / "model" / DISTILLED_ADAPTER)
    _halved(load_strict(DurationPredictor, work / "durations" / "ema")).save_pretrained(assets / "durations")
    _halved(load_strict(SpeakerEncoder, work / "voice_encoder" / "ema")).save_pretrained(assets / "voice_encoder")
    save_voices(names, table, voice_pitches(SpeechCorpus.load(work), names), assets)


def voice_pitches(corpus: SpeechCorpus, names: Sequence[str]) -> np.ndarray:
    """Hz of each voice's middle pitch in some recordings of the corpus, (V,); NaN where none holds the voice alone."""
    pitches = []
    for name in names:
        own = [u for u in corpus.split("train") if list(u.voices) == [name]][:RECORDINGS_A_VOICE]
        found = [median_pitch(np.asarray(corpus.mel_of(u), np.float32)) for u in own]
        pitches.append(np.median([pitch for pitch in found if pitch] or [np.nan]))
    return np.array(pitches)


def save_voices(trained_on: Sequence[str], table: np.ndarray, pitches: np.ndarray, assets: Path) -> None:
    """Writes the voice bank: ``voices.safetensors`` and ``voices.json``, of those voices that are presets.

    Args:
        trained_on: corpus voice of each row.
        table: (V, 64) float32.
        pitches: (V,) Hz, NaN where unknown; at least two known ones that differ.
        assets: the folder.
    """
    about, rows = {}, {}
    for voice, row in zip(trained_on, table, strict=True):
        if voice in PRESETS:
            name, line = PRESETS[voice]
            language = "en-gb" if voice.startswith("b") else "en-us"
            about[name] = {"language": language, "description": line, "trained_on": voice}
            rows[name] = row
    rows[OCTAVE] = octave_step(table, pitches)
    save_file(rows, assets / "voices.safetensors")
    (assets / "voices.json").write_text(json.dumps(about, indent=1) + "\n")


def octave_step(table: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """Change of speaker embeddings (V, 64) with the pitch (V,) of their voices, for an octave, (64,) float32.

    It keeps to directions in which voices differ: their covariance with the pitch, as long as the step's own pitch, by
    ridge regression, is an octave.
    """
    known = np.isfinite(pitches)
    rows, octaves = (each - each.mean(0) for each in (table[known].astype(np.float64), np.log2(pitches[known])))
    along = rows.T @ octaves / len(rows)
    slope = np.linalg.solve(rows.T @ rows / len(rows) + RIDGE * np.eye(rows.shape[1]), along)
    return (along / (along @ slope)).astype(np.float32)


def _halved(model: ModelMixin) -> ModelMixin:
    return model.to(torch.bfloat16)
