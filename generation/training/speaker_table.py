"""Rows of the voice table for voices that a checkpoint does not know yet."""

from __future__ import annotations

from pathlib import Path

import torch

from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus
from generation.data.joint_dataset import voice_names
from generation.models.speaker_encoder import SpeakerEncoder
from generation.models.transformer import JointTransformer

_RECORDINGS = 8
_LEAST_SHARE = 0.6
"""Of a voice in a blend that still stands for it."""


def add_rows(ema: Path, corpus: SpeechCorpus, encoder: SpeakerEncoder) -> list[str]:
    """Adds to a checkpoint of the joint model a row for each voice of a corpus that it lacks.

    A new row begins where the voice encoder hears that voice's recordings; the others stay, and so does their order.

    Args:
        ema: folder of the model, written anew if a voice is missing.
        corpus: its voices that are kept for tests get no row.
        encoder: of these weights' voices.

    Returns:
        The names of all rows.
    """
    model = load_strict(JointTransformer, ema)
    known = list(model.config.voice_names)
    missing = [name for name in voice_names(corpus) if name not in known]
    if missing:
        rows = torch.stack([_heard(name, corpus, encoder) for name in missing])
        model.voice_table = torch.nn.Parameter(torch.cat((model.voice_table.detach(), rows)))
        model.register_to_config(voice_names=known + missing)
        model.save_pretrained(ema)
    return known + missing


@torch.no_grad()
def _heard(name: str, corpus: SpeechCorpus, encoder: SpeakerEncoder) -> torch.Tensor:
    own = [u for u in corpus.split("train") if u.voices.get(name, 0) > _LEAST_SHARE]
    own = own or [u for u in corpus.utterances if name in u.voices]
    return torch.stack([encoder(torch.from_numpy(corpus.mel_of(u))[None])[0] for u in own[:_RECORDINGS]]).mean(0)
