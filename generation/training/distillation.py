"""Distils guidance into an adapter: one network call a step, four steps in all.

Source: guidance distillation, first stage of Meng et al. (arXiv 2210.03142). Their second stage, fewer steps, is not
needed: four guided steps measure as sixteen do (``docs/training/notebook.md``).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from generation.adapters.lora import FILE, add_adapter, fill_adapter, read_adapter, save_adapter
from generation.models.flow import velocity
from generation.pipeline.guidance import MaskRoutedGuidance, emphasis
from generation.pipeline.sampling import FEW, FEW_STEPS, Guidance, Sampling, noise_levels
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL
from generation.training.flow_matching_loss import noised

if TYPE_CHECKING:
    from pathlib import Path

    from generation.data.joint_dataset import Batch
    from generation.models.transformer import JointTransformer

RANK = 32


class AdapterFiles:
    """The adapter alone, for :func:`generation.training.trainer.fit`."""

    def write(self, model: JointTransformer, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`."""
        save_adapter(model, FEW, folder)

    def read(self, model: JointTransformer, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`; an adapter of older weights, with fewer layers, is a start,
        too.

        Raises:
            RuntimeError: the file is damaged, or the adapter is of another shape.
        """
        older, about = read_adapter(folder / FILE)
        fill_adapter(model, FEW, get_peft_model_state_dict(model, adapter_name=FEW) | older, about)


def student(transformer: JointTransformer) -> JointTransformer:
    """The transformer, rounded as it ships, with a fresh adapter to be trained."""
    transformer.to(torch.bfloat16).to(torch.float32)
    add_adapter(transformer, FEW, RANK)
    return transformer


def distillation_loss(model: JointTransformer, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Squared error between the student's clean latents and those of guidance, at the levels and states it meets.

    Noised recordings are no such states: there the lips are real ones already. So the student samples by itself, and
    the teacher corrects it at one of its steps ("backward distillation", arXiv 2405.05224).

    Args:
        model: transformer with the adapter; without it, it is the teacher.
        batch: B examples, K = 1.

    Returns:
        loss, and the mean squared errors ``audio`` and ``motion`` on the frames that were not given.
    """
    voice = torch.cat((batch.voices @ model.voice_table, batch.voices.sum(-1, keepdim=True).clamp(max=1)), -1)
    audio, motion, sigma = _on_the_way(model, batch, voice, step=int(torch.randint(FEW_STEPS, ())))
    model.disable_adapters()
    with torch.no_grad():
        spoken, moved = _guided(model, batch, audio, motion, sigma, voice)
    model.enable_adapters()
    found = _called(model, batch, audio, motion, sigma, voice)
    level = sigma[:, None, None, None]
    wanted = (audio - level * spoken, motion - level * moved)
    weight = sigma.square().reciprocal()[:, None, None]
    total, errors = audio.new_zeros(()), []
    for share, clean, target, given in zip(
        (1.0, 0.5), found, wanted, (batch.audio_given, batch.motion_given), strict=True
    ):
        error = (clean.float() - target).square().mean(-1) * (1 - given)
        count = (1 - given).sum().clamp(min=1)
        total = total + share * (weight * error).sum() / count
        errors.append(float((error.sum() / count).detach()))
    return total, dict(zip(("audio", "motion"), errors, strict=True))


@torch.no_grad()
def _on_the_way(model: JointTransformer, batch: Batch, voice: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Both streams after ``step`` steps of the student's own from noise, (B, 1, T, C) each, and their level (B,)."""
    levels = torch.from_numpy(noise_levels(FEW_STEPS)).float().to(batch.audio.device)
    begun = levels.new_ones(len(batch.audio))
    calm = torch.from_numpy(Sampling().motion_spread()).to(levels)
    audio = noised(batch.audio, batch.audio_given, begun, spread=Sampling.temperature)
    motion = noised(batch.motion, batch.motion_given, begun, spread=calm)
    for now, then in pairwise(levels[: step + 1]):
        clean_a, clean_m = _called(model, batch, audio, motion, now * begun, voice)
        # A given frame's clean latent is the frame itself, so that it stays.
        audio = _moved(audio, torch.where(batch.audio_given[..., None] > 0, audio, clean_a), now, then)
        motion = _moved(motion, torch.where(batch.motion_given[..., None] > 0, motion, clean_m), now, then)
    return audio, motion, levels[step] * begun


def _moved(latent: Tensor, clean: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """One Euler step between two noise levels."""
    return latent + (then - now) * velocity(latent, clean, now)


def _called(
    model: JointTransformer, batch: Batch, audio: Tensor, motion: Tensor, sigma: Tensor, voice: Tensor
) -> tuple[Tensor, Tensor]:
    """The model's clean latents of both streams, with everything that the batch tells."""
    return model(
        audio, motion, sigma, batch.symbols, batch.place, voice, batch.audio_given, batch.motion_given, batch.heard,
        batch.membership, batch.segments, return_dict=False,
    )  # fmt: skip


def _guided(
    model: JointTransformer, batch: Batch, audio: Tensor, motion: Tensor, sigma: Tensor, voice: Tensor
) -> tuple[Tensor, Tensor]:
    """Guided velocities of both streams, (B, 1, T, C) each: the passes of the full sampler as one batch."""
    scales = Guidance()
    guider = MaskRoutedGuidance(text_scale=scales.text, speak_scale=scales.speak, listen_scale=scales.listen)
    guider.set_membership(batch.membership[:, :, 0], emphasis(batch.symbols, scales))
    unknown, deaf = torch.full_like(batch.symbols, UNKNOWN_SYMBOL), torch.zeros_like(batch.membership)
    nothing = torch.zeros_like(batch.heard)
    passes = {
        "symbols": (unknown, batch.symbols, batch.symbols, batch.symbols),
        "place": (torch.zeros_like(batch.place), batch.place, batch.place, batch.place),
        "membership": (deaf, deaf, batch.membership, deaf),
        "heard": (nothing, nothing, nothing, batch.heard),
    }
    several = {name: torch.cat(parts) for name, parts in passes.items()}
    shared = {
        "voice": voice,
        "audio_given": batch.audio_given,
        "motion_given": batch.motion_given,
        "segments": batch.segments,
    }
    x, y, level = (torch.cat([t] * 4) for t in (audio, motion, sigma))
    clean_a, clean_m = model(
        x, y, level, **several, **{k: torch.cat([v] * 4) for k, v in shared.items()}, return_dict=False
    )
    wide = level[:, None, None, None]
    null, _, driven, _ = velocity(x, clean_a, wide).chunk(4)
    moves = velocity(y, clean_m, wide)[:, 0].chunk(4)
    moved = guider.forward(moves[0], moves[1], pred_heard=moves[3], pred_voice_0=moves[2]).pred
    return null + scales.speech * (driven - null), moved[:, None]
