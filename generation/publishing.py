"""From training checkpoints to the weights that ship: EMA weights in bf16, and the voice bank."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import ModelMixin
from safetensors.numpy import save_file

from generation.durations import DurationModel
from generation.examples import REAL_VOICE
from generation.loading import load_strict
from generation.pipeline import JointPipeline
from generation.transformer import JointTransformer
from generation.vocoder import Vocoder
from generation.voice_encoder import VoiceEncoder

_KINDS = {"af": "American woman", "am": "American man", "bf": "British woman", "bm": "British man"}


def voice_table(work: Path) -> tuple[list[str], np.ndarray]:
    """Names and vectors (V, 64) float32 of the joint model's voices, the real clips' voice left out."""
    model = load_strict(JointTransformer, work / "joint" / "ema")
    names = list(model.config.voice_names)
    table = model.voice_table.detach().float().numpy()
    keep = [i for i, name in enumerate(names) if name != REAL_VOICE]
    return [names[i] for i in keep], table[keep]


def publish(work: Path, assets: Path) -> None:
    """Writes the models, ``voices.safetensors`` and ``voices.json`` into ``assets``."""
    names, table = voice_table(work)
    pipeline = JointPipeline.assemble(
        _halved(load_strict(JointTransformer, work / "joint" / "ema")),
        _halved(load_strict(Vocoder, work / "vocoder" / "ema")),
    )
    shutil.rmtree(assets / "model", ignore_errors=True)
    pipeline.save_pretrained(assets / "model")
    _halved(load_strict(DurationModel, work / "durations" / "ema")).save_pretrained(assets / "durations")
    _halved(load_strict(VoiceEncoder, work / "voice_encoder" / "ema")).save_pretrained(assets / "voice_encoder")
    save_file(dict(zip(names, table, strict=True)), assets / "voices.safetensors")
    known = json.loads((assets / "voices.json").read_text()) if (assets / "voices.json").exists() else {}
    lines = {name: known.get(name, f"{name[3:].title()}, {_KINDS[name[:2]]}") for name in names}
    (assets / "voices.json").write_text(json.dumps(lines, indent=1) + "\n")


def _halved(model: ModelMixin) -> ModelMixin:
    return model.to(torch.bfloat16)
