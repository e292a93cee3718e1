"""Guidance distillation into a LoRA adapter: one network call a step, four steps in all.

Source: guidance distillation, first stage of Meng et al. (arXiv 2210.03142). Their second stage, fewer steps, is not
needed: four guided steps measure as sixteen do (``docs/training/notebook.md``).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from diffusers.guiders import ClassifierFreeGuidance
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from generation.adapters.lora import FILE, add_adapter, fill_adapter, read_adapter, save_adapter
from generation.data.dialogue_dataset import DialogueBatch
from generation.models.flow import velocity
from generation.pipeline.guidance import MaskRoutedGuidance, guided_velocities
from generation.pipeline.sampling import DISTILLED_ADAPTER, DISTILLED_STEPS, Guidance, Sampling, noise_levels
from generation.training.flow_matching_loss import add_noise, with_seen

if TYPE_CHECKING:
    from pathlib import Path

    from generation.data.joint_dataset import Batch
    from generation.models.joint_inputs import JointInputs
    from generation.models.transformer import JointTransformer

RANK = 32


class AdapterFiles:
    """The adapter alone, for :func:`generation.training.trainer.fit`."""

    def write(self, model: JointTransformer, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`."""
        save_adapter(model, DISTILLED_ADAPTER, folder)

    def read(self, model: JointTransformer, folder: Path) -> None:
        """Fills the adapter; one of older weights, with fewer layers, is a start, too.

        See :class:`generation.training.trainer.Files`.

        Raises:
            RuntimeError: the file is damaged, or the adapter is of another shape.
        """
        older, about = read_adapter(folder / FILE)
        fill_adapter(
            model, DISTILLED_ADAPTER, get_peft_model_state_dict(model, adapter_name=DISTILLED_ADAPTER) | older, about
        )


def student(transformer: JointTransformer) -> JointTransformer:
    """The transformer, rounded as it ships, with a fresh adapter to be trained."""
    transformer.to(torch.bfloat16).to(torch.float32)
    add_adapter(transformer, DISTILLED_ADAPTER, RANK)
    return transformer


def distillation_loss(model: JointTransformer, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Squared error between the student's clean latents and those of guidance, at the levels and states it meets.

    Noised recordings are no such states: there the lips are real ones already. So the student samples by itself, and
    the teacher corrects it at one of its steps ("backward distillation", arXiv 2405.05224).

    Args:
        model: transformer with the adapter; without it, it is the teacher.
        batch: B examples, K = 1.

    Returns:
        loss, and the mean squared errors ``audio`` and ``motion``, and of dialogues ``reaction``, on the frames that
        were not given.
    """
    inputs = _states_of_the_sampler(model, batch, step=int(torch.randint(DISTILLED_STEPS, ())))
    if isinstance(batch, DialogueBatch):
        inputs = with_seen(inputs, batch, torch.from_numpy(Sampling().motion_spread()).to(inputs.sigma))
    model.disable_adapters()
    with torch.no_grad():
        spoken, moved, reaction = _teacher(model, inputs)
    model.enable_adapters()
    found_audio, found_motion, found_reaction = model(inputs, return_dict=False)
    level = inputs.sigma[:, None, None, None]
    learnt = {
        "audio": (1.0, found_audio, inputs.audio - level * spoken, batch.audio_given),
        "motion": (0.5, found_motion, inputs.required("motion") - level * moved, batch.motion_given),
    }
    if reaction is not None:
        learnt["reaction"] = (0.5, found_reaction, reaction, batch.motion_given)
    weight = inputs.sigma.square().reciprocal()[:, None, None]
    total, errors = inputs.audio.new_zeros(()), {}
    for name, (share, clean, target, given) in learnt.items():
        error = (clean.float() - target).square().mean(-1) * (1 - given)
        count = (1 - given).sum().clamp(min=1)
        total = total + share * (weight * error).sum() / count
        errors[name] = float((error.sum() / count).detach())
    return total, errors


@torch.no_grad()
def _states_of_the_sampler(model: JointTransformer, batch: Batch, step: int) -> JointInputs:
    """What the student is told after ``step`` steps of its own from noise."""
    levels = torch.from_numpy(noise_levels(DISTILLED_STEPS)).float().to(batch.audio.device)
    begun = levels.new_ones(len(batch.audio))
    calm = torch.from_numpy(Sampling().motion_spread()).to(levels)
    audio = add_noise(batch.audio, batch.audio_given, begun, spread=Sampling.temperature)
    motion = add_noise(batch.motion, batch.motion_given, begun, spread=calm)
    inputs = batch.inputs(model.voice_table, audio, motion, begun)
    for now, then in pairwise(levels[: step + 1]):
        clean_audio, clean_motion, _ = model(inputs, return_dict=False)
        # A given frame's clean latent is the frame itself, so that it stays.
        clean_audio = torch.where(batch.audio_given[..., None] > 0, inputs.audio, clean_audio)
        clean_motion = torch.where(batch.motion_given[..., None] > 0, inputs.required("motion"), clean_motion)
        inputs = replace(
            inputs,
            audio=_moved(inputs.audio, clean_audio, now, then),
            motion=_moved(inputs.required("motion"), clean_motion, now, then),
            sigma=then * begun,
        )
    return inputs


def _moved(latent: Tensor, clean: Tensor, now: Tensor, then: Tensor) -> Tensor:
    """One Euler step between two noise levels."""
    return latent + (then - now) * velocity(latent, clean, now)


def _teacher(model: JointTransformer, inputs: JointInputs) -> tuple[Tensor, Tensor, Tensor | None]:
    """Velocities of both streams and reactions, (B, 1, T, C) each, as the guided sampler has them."""
    scales = Guidance()
    guider = MaskRoutedGuidance().for_scene(inputs, scales, listening=True)
    return guided_velocities(model, guider, ClassifierFreeGuidance(guidance_scale=scales.speech), inputs)
