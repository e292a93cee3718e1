"""Speech as the latents of LTX-2's audio stream: log-mel spectrum at 16 kHz through the model's own audio codec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from generation.audio.waveform import Audio

if TYPE_CHECKING:
    from diffusers import AutoencoderKLLTX2Audio

N_FFT = 1024
FLOOR = 1e-5


def codec_log_mel(waveform: Tensor, rate: int, hop: int, n_mels: int) -> Tensor:
    """Log of the Slaney-normalised mel amplitudes, frames centred on every hop, edges reflected.

    Source: the spectrum that JoyAI-Echo's modular blocks in diffusers give to this codec.

    Args:
        waveform: (S,) float32, longer than half a window.
        rate: samples a second.
        hop: samples from one frame to the next.
        n_mels: bands from 0 Hz to half the rate.

    Returns:
        (S // hop + 1, n_mels) float32.
    """
    window = torch.hann_window(N_FFT, device=waveform.device)
    spectrum = torch.stft(waveform, N_FFT, hop, window=window, center=True, pad_mode="reflect", return_complex=True)
    filters = mel_filter_bank(N_FFT // 2 + 1, n_mels, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    bands = torch.as_tensor(filters, dtype=torch.float32, device=waveform.device)
    return (spectrum.abs().T @ bands).clamp_min(FLOOR).log()


def encode_speech(codec: AutoencoderKLLTX2Audio, sound: Audio, n_tokens: int) -> Tensor:
    """A voice as clean, normalised tokens of the audio stream.

    Args:
        codec: the audio autoencoder.
        sound: the voice; cut, or filled with silence, to the length of the tokens.
        n_tokens: how many, ``temporal_compression_ratio`` mel frames each after the first, which stands for one.

    Returns:
        (1, n_tokens, C) float32 on the codec's device.
    """
    config = codec.config
    rate, hop = config.sample_rate, config.mel_hop_length
    n_frames = (n_tokens - 1) * codec.temporal_compression_ratio + 1
    waveform = torch.as_tensor(sound.resampled(rate).waveform, device=codec.device)
    n_samples = n_frames * hop + N_FFT
    waveform = torch.nn.functional.pad(waveform[:n_samples], (0, max(0, n_samples - len(waveform))))
    mel = codec_log_mel(waveform, rate, hop, config.mel_bins)[:n_frames]
    stereo = mel[None, None].expand(1, config.in_channels, -1, -1)
    latents = codec.encode(stereo.to(codec.dtype)).latent_dist.mode()
    tokens = latents.transpose(1, 2).flatten(2).float()
    return (tokens - codec.latents_mean.float()) / codec.latents_std.float()
