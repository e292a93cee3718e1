"""Joint transformer: frame-synchronous MM-DiT, an audio and a motion stream, a token per 40 ms and character.

Anchors: SD3 (arXiv 2403.03206) for joint attention of two weight sets, JAM-Flow (2506.23552) for audio with motion,
DiT (2212.09748) for AdaLN-zero, "Back to Basics" (2511.13720) for predicting the clean latent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.utils import BaseOutput
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from generation.core.clock import MELS_PER_FRAME
from generation.core.motion import N_CHANNELS
from generation.models.joint_inputs import AUDIO_CHANNELS, HEARD_CHANNELS, JointInputs, zero_embedding
from generation.models.mel_refiner import MelHead
from generation.models.motion_context import MotionContext


@dataclass
class JointTransformerOutput(BaseOutput):
    """Predicted clean latents.

    Attributes:
        audio: (B, V, T, 400).
        motion: (B, K, T, 57); None without that stream.
        reaction: (B, K, T, 57) what the motion that a face sees adds to its own; None where nothing is seen.
    """

    audio: Tensor
    motion: Tensor | None
    reaction: Tensor | None = None


def rotary_table(positions: Tensor, head_dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions (arXiv 2104.09864): (T,) video frames -> two (T, head_dim / 2) float32."""
    rates = 10_000.0 ** (-torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim)
    angles = positions.float()[:, None] * rates
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Applies rotary positions: (..., T, heads, head_dim) -> same."""
    cos, sin = (t[:, None].to(x.dtype) for t in rotary)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class StreamBlock(nn.Module):
    """One stream's half of a layer: AdaLN-zero modulation, query/key/value of common inner width, perceptron."""

    def __init__(self, dim: int, inner: int, heads: int, condition: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.to_qkv = nn.Linear(dim, 3 * inner)
        self.query_norm = nn.RMSNorm(inner // heads, eps=1e-6, elementwise_affine=False)
        self.key_norm = nn.RMSNorm(inner // heads, eps=1e-6, elementwise_affine=False)
        self.to_out = nn.Linear(inner, dim)
        self.mlp_norm = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.expand = nn.Linear(dim, 4 * dim)
        self.contract = nn.Linear(4 * dim, dim)
        self.modulation = nn.Linear(condition, 6 * dim)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def modulate(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Condition (B, K, 1 or T, C) -> six (B, K, 1 or T, dim): shift, scale, gate of attention and perceptron."""
        return self.modulation(condition).chunk(6, dim=-1)

    def project(
        self, x: Tensor, shift: Tensor, scale: Tensor, rotary: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, K, T, dim) -> query, key, value, each (B, K, T, heads, head_dim)."""
        h = self.attention_norm(x) * (1 + scale) + shift
        q, k, v = self.to_qkv(h).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        return rotate(self.query_norm(q), rotary), rotate(self.key_norm(k), rotary), v

    def finish(self, x: Tensor, attended: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        """Adds the attention result (B, K, T, heads, head_dim) and the perceptron to the stream (B, K, T, dim)."""
        _, _, gate, shift, scale, mlp_gate = modulation
        x = x + gate * self.to_out(attended.flatten(-2))
        h = self.mlp_norm(x) * (1 + scale) + shift
        return x + mlp_gate * self.contract(gelu(self.expand(h), approximate="tanh"))


@dataclass
class AttentionMasks:
    """Additive attention masks, built once per forward.

    Attributes:
        voice: (B, V, T, T) or (T, T): a voice's audio tokens to each other; None = all are seen.
        face: the same for a face's motion tokens.
        audio: (..., T, 2 T): audio queries to the voice's own audio keys, then to its partner's motion keys.
        motion: (..., T, 2 T): motion queries to the face's own motion keys, then to its driver's audio keys.
    """

    voice: Tensor | None
    face: Tensor | None = None
    audio: Tensor | None = None
    motion: Tensor | None = None


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of (B, K, T, heads, head_dim) queries to (B, K, S, heads, head_dim) keys, mask (..., T, S)."""
    batch, dtype = query.shape[:2], query.dtype
    q, k, v = (t.flatten(0, 1).transpose(1, 2) for t in (query, key, value))
    with torch.autocast("cpu", enabled=False):
        if q.device.type == "cpu":  # float32 takes half the time of bfloat16 there, backward included
            q, k, v = q.float(), k.float(), v.float()
        if mask is not None:
            mask = mask.to(q.dtype)
            mask = mask.flatten(0, 1)[:, None] if mask.dim() == 4 else mask
        attended = scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return attended.to(dtype).transpose(1, 2).unflatten(0, batch)


@dataclass(frozen=True)
class Routing:
    """Reads what belongs to voices for each face, and the other way round, frame by frame.

    Attributes:
        driver: (B, K, T) int64, the voice of each face; None = face k has voice k.
        partner: (B, V, T) int64, the face of each voice; None = voice k has face k.
    """

    driver: Tensor | None
    partner: Tensor | None

    def of_driver(self, x: Tensor) -> Tensor:
        """(B, V, T, ...) of voices -> (B, K, T, ...) of the faces that they drive."""
        return x if self.driver is None else _gathered(x, self.driver)

    def of_partner(self, x: Tensor) -> Tensor:
        """(B, K, T, ...) of faces -> (B, V, T, ...) of the voices that drive them."""
        return x if self.partner is None else _gathered(x, self.partner)


def _gathered(x: Tensor, index: Tensor) -> Tensor:
    """(B, N, T, ...) at index (B, M, T) -> (B, M, T, ...)."""
    wide = index.reshape(*index.shape, *[1] * (x.dim() - 3)).expand(*index.shape, *x.shape[3:])
    return x.gather(1, wide)


class JointBlock(nn.Module):
    """A layer of both streams; in a joint layer they attend to each other, else each to itself."""

    def __init__(self, audio_dim: int, motion_dim: int, inner: int, heads: int, condition: int, joint: bool) -> None:
        super().__init__()
        self.joint = joint
        self.audio = StreamBlock(audio_dim, inner, heads, condition)
        self.motion = StreamBlock(motion_dim, inner, heads, condition)

    def forward(
        self,
        audio: Tensor,
        motion: Tensor | None,
        conditions: tuple[Tensor, Tensor],
        rotary: tuple[Tensor, Tensor],
        masks: AttentionMasks,
        routing: Routing,
    ) -> tuple[Tensor, Tensor | None]:
        """Both streams, (B, V, T, audio_dim) and (B, K, T, motion_dim) or None -> the same shapes.

        ``conditions`` are of voices (B, V, 1 or T, C) and of faces (B, K, 1 or T, C).
        """
        audio_mod = self.audio.modulate(conditions[0])
        q, k, v = self.audio.project(audio, audio_mod[0], audio_mod[1], rotary)
        if motion is None:
            return self.audio.finish(audio, _attend(q, k, v, masks.voice), audio_mod), None
        motion_mod = self.motion.modulate(conditions[1])
        mq, mk, mv = self.motion.project(motion, motion_mod[0], motion_mod[1], rotary)
        if self.joint:
            seen = torch.cat((k, routing.of_partner(mk)), 2), torch.cat((v, routing.of_partner(mv)), 2)
            audio_attended = _attend(q, *seen, masks.audio)
            heard = torch.cat((mk, routing.of_driver(k)), 2), torch.cat((mv, routing.of_driver(v)), 2)
            motion_attended = _attend(mq, *heard, masks.motion)
        else:
            audio_attended = _attend(q, k, v, masks.voice)
            motion_attended = _attend(mq, mk, mv, masks.face)
        audio = self.audio.finish(audio, audio_attended, audio_mod)
        return audio, self.motion.finish(motion, motion_attended, motion_mod)


def _join(first: Tensor, second: Tensor) -> Tensor:
    """Two additive masks side by side along the keys, broadcast to common leading axes."""
    lead = torch.broadcast_tensors(first[..., 0], second[..., 0])[0].shape  # broadcast_shapes imports sympy
    return torch.cat((first.expand(*lead, first.shape[-1]), second.expand(*lead, second.shape[-1])), -1)


class PhonemeEncoder(nn.Module):
    """Phonemes at 100 Hz -> one vector per video frame, through three small convolutions."""

    def __init__(self, n_symbols: int, dim: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_symbols + 1, 64)
        self.convs = nn.ModuleList(nn.Conv1d(width, dim, 5, padding=2) for width in (66, dim, dim))

    def forward(self, symbols: Tensor, phoneme_position: Tensor) -> Tensor:
        """Symbols (B, K, 4 T) int64 and phoneme_position (B, K, 4 T, 2) -> (B, K, T, 4 * dim)."""
        h = torch.cat((self.embed(symbols), phoneme_position), -1).flatten(0, 1).transpose(1, 2)
        h = gelu(self.convs[0](h), approximate="tanh")
        for conv in self.convs[1:]:
            h = h + gelu(conv(h), approximate="tanh")
        h = h.transpose(1, 2).unflatten(0, symbols.shape[:2])
        return h.unflatten(2, (-1, MELS_PER_FRAME)).flatten(-2)


class JointTransformer(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """Predicts clean audio and motion latents of K characters from noisy ones.

    Latents are standardised: audio by ``mel_mean`` and ``mel_std`` (100 each), motion by ``motion_mean`` and
    ``motion_std`` (57 each), all kept in the config.
    """

    _supports_gradient_checkpointing = False
    _no_split_modules = ["JointBlock"]
    _repeated_blocks = ["JointBlock"]

    @register_to_config
    def __init__(
        self,
        mel_mean: list[float],
        mel_std: list[float],
        motion_mean: list[float],
        motion_std: list[float],
        voice_names: list[str],
        n_symbols: int,
        audio_dim: int = 256,
        motion_dim: int = 128,
        num_layers: int = 10,
        num_heads: int = 4,
        head_dim: int = 64,
        condition_dim: int = 128,
        phoneme_dim: int = 96,
        voice_dim: int = 64,
        joint_every: int = 2,
        joint_window: int = 6,
        max_distance: int = 150,
        mel_dim: int = 160,
        mel_blocks: int = 3,
        sees_others: bool = False,
        n_languages: int = 1,
    ) -> None:
        super().__init__()
        inner = num_heads * head_dim
        self.phonemes = PhonemeEncoder(n_symbols, phoneme_dim)
        self.audio_in = nn.Linear(2 * AUDIO_CHANNELS + 1, audio_dim)
        self.motion_in = nn.Linear(2 * N_CHANNELS + 1, motion_dim)
        self.audio_text = nn.Linear(MELS_PER_FRAME * phoneme_dim, audio_dim)
        self.motion_text = nn.Linear(MELS_PER_FRAME * phoneme_dim, motion_dim)
        self.motion_heard = nn.Linear(HEARD_CHANNELS, motion_dim)
        self.voice_table = nn.Parameter(torch.randn(len(voice_names), voice_dim))
        self.voice_in = nn.Linear(voice_dim + 1, condition_dim)
        self.languages = zero_embedding(n_languages, condition_dim) if n_languages > 1 else None
        self.time_in = nn.Sequential(nn.Linear(128, condition_dim), nn.SiLU(), nn.Linear(condition_dim, condition_dim))
        self.blocks = nn.ModuleList(
            JointBlock(audio_dim, motion_dim, inner, num_heads, condition_dim, joint=_is_joint(layer, joint_every))
            for layer in range(num_layers)
        )
        self.audio_norm = nn.LayerNorm(audio_dim, elementwise_affine=False, eps=1e-6)
        self.motion_norm = nn.LayerNorm(motion_dim, elementwise_affine=False, eps=1e-6)
        self.audio_mod = nn.Linear(condition_dim, 2 * audio_dim)
        self.motion_mod = nn.Linear(condition_dim, 2 * motion_dim)
        self.audio_out = nn.Linear(audio_dim, AUDIO_CHANNELS)
        self.motion_out = nn.Linear(motion_dim, N_CHANNELS)
        self.mel_head = MelHead(audio_dim, condition_dim, mel_dim, mel_blocks)
        for layer in (self.audio_out, self.motion_out, self.audio_mod, self.motion_mod):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.motion_context = MotionContext(motion_dim) if sees_others else None

    def forward(
        self, inputs: JointInputs, return_dict: bool = True
    ) -> JointTransformerOutput | tuple[Tensor, Tensor | None, Tensor | None]:
        """One pass over B scenes.

        Args:
            inputs: of everybody in them.
            return_dict: False returns the tuple (audio, motion, reaction).

        Returns:
            clean latents, shapes of ``inputs.audio`` and ``inputs.motion``, and what is seen adds to the latter.

        Raises:
            ValueError: a shape that does not fit, with both shapes; seen motion for weights that do not see others; a
                language that the weights do not know.
        """
        inputs.check(self.config.voice_dim, self.config.n_languages)
        if inputs.seen is not None and self.motion_context is None:
            raise ValueError("These weights do not see others: pass no seen motion, or train some with sees_others.")
        audio, motion = inputs.audio, inputs.motion
        routing = Routing(inputs.driver, inputs.partner)
        steps = torch.arange(audio.shape[2], device=audio.device)
        rotary = rotary_table(steps, self.config.head_dim)
        noise_level = self.time_in(_time_features(inputs.sigma))[:, None]
        speaker = self.voice_in(inputs.voice)[:, :, None]
        if self.languages is not None:
            language = self.languages(inputs.languages_or_english())
            speaker = speaker + language
        spoken = shown = nn.functional.silu(noise_level[:, None] + speaker)
        if inputs.face_voice is not None:
            speaker = self.voice_in(inputs.face_voice)
            if self.languages is not None:
                speaker = speaker + routing.of_driver(language.expand(-1, -1, len(steps), -1))
            shown = nn.functional.silu(noise_level[:, None] + speaker)
        text = self.phonemes(inputs.symbols, inputs.phoneme_position)
        a = self.audio_in(_with_flag(audio, inputs.audio_given)) + self.audio_text(text)
        m = None
        if motion is not None:
            m = self.motion_in(_with_flag(motion, inputs.required("motion_given"))) + routing.of_driver(
                self.motion_text(text)
            )
            if inputs.heard is not None:
                m = m + self.motion_heard(inputs.heard)
        masks = self._masks(steps, inputs, routing)
        for block in self.blocks:
            a, m = block(a, m, (spoken, shown), rotary, masks, routing)
        tokens = _modulated(self.audio_norm(a), self.audio_mod(spoken))
        audio_out = self.mel_head(audio, self.audio_out(tokens), tokens, spoken, inputs.line_numbers)
        motion_out, reaction = None, None
        if m is not None:
            m = _modulated(self.motion_norm(m), self.motion_mod(shown))
            motion_out = self.motion_out(m)
            if self.motion_context is not None and inputs.seen is not None:
                reaction = self.motion_context(m, inputs.seen, inputs.required("sees"))
        out = (audio_out, motion_out, reaction)
        return JointTransformerOutput(*out) if return_dict else out

    def _masks(self, steps: Tensor, inputs: JointInputs, routing: Routing) -> AttentionMasks:
        """Who sees whom, from (T,) frames and what the inputs say of lines and routing."""
        distance = (steps[:, None] - steps).abs()
        reach = distance < self.config.max_distance if len(steps) > self.config.max_distance else None

        def within(line_numbers: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
            """Same line, and the additive mask of one stream's tokens to each other."""
            line = None
            if line_numbers is not None:
                line = (line_numbers[..., :, None] == line_numbers[..., None, :]) | (line_numbers == 0)[..., None]
            seen = line if reach is None else _both(reach, line)
            return line, None if seen is None else _additive(seen)

        line, voice = within(inputs.line_numbers)
        if inputs.motion is None:
            return AttentionMasks(voice)
        face_line, face = line, voice
        if inputs.driver is not None and inputs.line_numbers is not None:
            face_line, face = within(routing.of_driver(inputs.line_numbers))
        window = distance <= self.config.joint_window
        near, sound = _additive(_both(window, line)), _additive(_both(window, face_line))
        if inputs.share is not None:  # a share weighs the keys: exp(q k + log share)
            sound = (sound + inputs.share.log().clamp(min=MASKED)[..., None]).clamp(min=MASKED)
        own = torch.zeros_like(near) if voice is None else voice
        shown = torch.zeros_like(near) if face is None else face
        return AttentionMasks(voice, face, _join(own, near), _join(shown, sound))


def _is_joint(layer: int, every: int) -> bool:
    """Every n-th layer is joint; 0 = none, which is only there to measure what joint attention brings."""
    return every > 0 and layer % every == every - 1


MASKED = -1e4
"""Additive mask of a key that is not seen; finite, so that a row without any key gives no NaN."""


def _additive(visible: Tensor) -> Tensor:
    return torch.where(visible, 0.0, MASKED)


def _both(first: Tensor, second: Tensor | None) -> Tensor:
    return first if second is None else first & second


def _with_flag(latent: Tensor, given: Tensor) -> Tensor:
    flag = given[..., None].to(latent.dtype)
    return torch.cat((latent * (1 - flag), latent * flag, flag), -1)


def _modulated(x: Tensor, modulation: Tensor) -> Tensor:
    shift, scale = modulation.chunk(2, dim=-1)
    return x * (1 + scale) + shift


def _time_features(sigma: Tensor) -> Tensor:
    rates = torch.exp(-math.log(10_000) * torch.arange(64, device=sigma.device) / 64)
    angles = 1000 * sigma.float()[:, None] * rates
    return torch.cat((angles.cos(), angles.sin()), -1)
