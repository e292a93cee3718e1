"""Training of the speaker encoder: its batches and loss, and rows of the speaker table for new voices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generation.core.clock import mels_from_frames
from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus
from generation.data.joint_dataset import corpus_voices
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
    missing = [name for name in corpus_voices(corpus) if name not in known]
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


def encoder_batches(
    features: SpeechCorpus, voice_names: list[str], table: np.ndarray, size: int, n_frames: int = 75
) -> Callable[[torch.Generator], tuple[Tensor, Tensor]]:
    """Random crops of training speech with the embeddings they should give: mel (B, 4 n_frames, 100) and (B, 64)."""
    rows = [u for u in features.split("train") if set(u.voices) <= set(voice_names) and u.n_frames > n_frames]
    targets = [sum(w * table[voice_names.index(v)] for v, w in u.voices.items()) for u in rows]

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        mels, wanted = [], []
        for which in torch.randint(len(rows), (size,), generator=generator).tolist():
            u = rows[which]
            a = mels_from_frames(u.first + int(torch.randint(u.n_frames - n_frames, (1,), generator=generator)))
            mels.append(np.asarray(features.mel[a : a + mels_from_frames(n_frames)], np.float32))
            wanted.append(targets[which])
        return torch.from_numpy(np.stack(mels)), torch.from_numpy(np.stack(wanted).astype(np.float32))

    return batch


def encoder_loss(model: SpeakerEncoder, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Squared distance to the table's vector plus one minus the cosine."""
    found = model(batch[0]).float()
    cosine = torch.cosine_similarity(found, batch[1], dim=-1).mean()
    return (found - batch[1]).square().mean() + 1 - cosine, {"cosine": float(cosine.detach())}
