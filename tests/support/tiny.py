"""A complete assets folder with tiny untrained models and two voices, for tests of everything around the model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from generation.core.assets import asset
from generation.models.duration_predictor import DurationPredictor
from generation.models.speaker_encoder import SpeakerEncoder
from generation.models.transformer import JointTransformer
from generation.models.vocoder import Vocoder
from generation.pipeline.joint import JointPipeline
from generation.recordings.speech_mask import WEIGHTS
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL
from generation.training.depth_growth import LANGUAGE_INVENTORY
from generation.voices.bank import OCTAVE

VOICES = {"Alice": "en-us", "Arthur": "en-gb"}


def tiny_pipeline(voices: Iterable[str] = VOICES, languages: bool = False) -> JointPipeline:
    """The joint pipeline with a few ten thousand random weights, always the same; of English, or of all languages."""
    torch.manual_seed(0)
    known = LANGUAGE_INVENTORY if languages else {"n_symbols": UNKNOWN_SYMBOL}
    transformer = JointTransformer(
        mel_mean=[-6.0] * 100, mel_std=[2.0] * 100, motion_mean=[0.1] * 57, motion_std=[0.1] * 57,
        voice_names=list(voices), audio_dim=32, motion_dim=16, num_layers=2, num_heads=2, head_dim=16, condition_dim=16,
        phoneme_dim=16, **known,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in transformer.parameters():  # output layers start at zero: everything in would come to nothing
            if not parameter.any():
                parameter.normal_(std=0.05)
    return JointPipeline.assemble(transformer.eval(), Vocoder(dim=16, hidden=32, num_layers=1).eval())


def write_tiny_assets(folder: Path, voices: Mapping[str, str] = VOICES, languages: bool = False) -> Path:
    """Fill a folder as the shipped assets are laid out; rig and speech mask are the shipped ones.

    Voices go by name and language; the models know English, or all languages.
    """
    tiny_pipeline(voices, languages).save_pretrained(folder / "model")
    torch.manual_seed(1)
    durations = DurationPredictor(dim=16, num_layers=1, **(LANGUAGE_INVENTORY if languages else {}))
    if durations.languages is not None:
        nn.init.normal_(durations.languages.weight)
    durations.save_pretrained(folder / "durations")
    SpeakerEncoder(dim=16, num_layers=1).save_pretrained(folder / "voice_encoder")
    rng = np.random.default_rng(0)
    vectors = {name: rng.normal(size=64).astype(np.float32) for name in (*voices, OCTAVE)}
    save_file(vectors, folder / "voices.safetensors")
    about = {n: {"language": v, "description": f"Voice {n}.", "trained_on": n.lower()} for n, v in voices.items()}
    (folder / "voices.json").write_text(json.dumps(about))
    for name in ("rig.safetensors", WEIGHTS):
        shutil.copy(asset(name), folder)
    return folder
