"""Flow-matching loss of the joint model: noise levels, interpolation, and the weighted error of the clean latents.

Noise levels as in :mod:`generation.models.flow`.
Loss weighting: "Back to Basics: Let Denoising Generative Models Denoise" (arXiv 2511.13720).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from generation.data.dialogue_dataset import DialogueBatch
from generation.models.joint_inputs import AUDIO_CHANNELS
from generation.models.transformer import JointTransformer

if TYPE_CHECKING:
    from generation.data.joint_dataset import Batch
    from generation.models.joint_inputs import JointInputs

_LOSS_FLOOR = 0.2
_MOTION_WEIGHT = 0.5


def sample_sigma(size: int, generator: torch.Generator | None = None) -> Tensor:
    """Noise levels (B,): a fifth close to 1, the rest logit-normal, half of it around 0.6 and half around 0.25.

    A sampler of few steps calls the network at 1, where voice and melody are decided, and never below 1 / 8.
    """
    kind = torch.rand(size, generator=generator)
    around = torch.where(kind < 0.6, 0.4, -1.1) + torch.randn(size, generator=generator)
    return torch.where(kind < 0.2, 1 - 0.1 * torch.rand(size, generator=generator), torch.sigmoid(around))


def add_noise(clean: Tensor, given: Tensor, sigma: Tensor, spread: float | Tensor = 1.0) -> Tensor:
    """Latents (B, K, T, C) mixed with noise at level sigma (B,); frames that are ``given`` (B, K, T) stay clean.

    ``spread`` is the standard deviation of the noise, one for all channels or (C,).
    """
    s = sigma[:, None, None, None]
    mixed = (1 - s) * clean + s * spread * torch.randn_like(clean)
    return torch.where(given[..., None] > 0, clean, mixed)


def with_seen(inputs: JointInputs, batch: DialogueBatch, spread: float | Tensor = 1.0) -> JointInputs:
    """The inputs with the others' motion of a batch: half of the time at their noise level, else clean and given."""
    clean = batch.seen[:, 0]
    given = (torch.rand(len(clean), 1, 1, device=clean.device) < 0.5).to(clean).expand(clean.shape[:3])
    noisy = add_noise(clean, given, inputs.sigma, spread)
    return replace(inputs, seen=torch.cat((noisy, given[..., None]), -1), sees=batch.sees)


def joint_loss(model: JointTransformer, batch: Batch, motion: bool = True) -> tuple[Tensor, dict[str, float]]:
    """Weighted error of the clean latents on the frames that were not given.

    Args:
        model: the network.
        batch: B examples.
        motion: False trains the audio stream alone, as ``parley say`` runs it.

    Returns:
        loss, and its unweighted parts: mean squared errors ``audio`` and ``motion``, and of dialogues ``reaction``.
    """
    sigma = sample_sigma(len(batch.audio)).to(batch.audio.device)
    table = model.voice_table + 0.1 * torch.randn_like(model.voice_table)
    heard = batch.heard.clone()
    blur = (torch.rand(len(heard), device=heard.device) < 0.5).float()[:, None, None, None] * sigma[:, None, None, None]
    flag = heard[..., AUDIO_CHANNELS : AUDIO_CHANNELS + 1]
    sound = heard[..., :AUDIO_CHANNELS]
    heard[..., :AUDIO_CHANNELS] = flag * ((1 - blur) * sound + blur * torch.randn_like(sound))
    noisy = add_noise(batch.audio, batch.audio_given, sigma)
    moving = add_noise(batch.motion, batch.motion_given, sigma) if motion else None
    inputs = replace(batch, heard=heard).inputs(table, noisy, moving, sigma)
    if motion and isinstance(batch, DialogueBatch):
        inputs = with_seen(inputs, batch)
    audio_out, motion_out, reaction_out = model(inputs, return_dict=False)
    weight = sigma.clamp(min=_LOSS_FLOOR).square().reciprocal()
    loss, audio_error = _masked_error(audio_out, batch.audio, batch.audio_given, weight)
    parts = {"audio": audio_error}
    if motion:
        motion_loss, parts["motion"] = _masked_error(motion_out, batch.motion, batch.motion_given, weight)
        loss = loss + _MOTION_WEIGHT * motion_loss
    if motion and isinstance(batch, DialogueBatch):
        added, parts["reaction"] = _masked_error(reaction_out, batch.reaction, batch.motion_given, weight)
        loss = loss + _MOTION_WEIGHT * added
    return loss, parts


def _masked_error(predicted: Tensor, clean: Tensor, given: Tensor, weight: Tensor) -> tuple[Tensor, float]:
    """Mean over frames that were not given of the squared error, weighted per example; and the plain mean."""
    error = (predicted.float() - clean).square().mean(-1)
    wanted = 1 - given
    count = wanted.sum().clamp(min=1)
    return (error * wanted * weight[:, None, None]).sum() / count, float(((error * wanted).sum() / count).detach())
