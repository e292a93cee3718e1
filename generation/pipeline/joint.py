"""The joint pipeline: lines and voices in, everybody's speech and motion out, in one sampling run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.guiders import ClassifierFreeGuidance
from torch import Tensor

from generation.adapters.lora import load_adapter, switch_adapters
from generation.adapters.routing import RoutedAdapters
from generation.audio.mel import mel_spectrogram
from generation.core.assets import asset
from generation.core.clock import MELS_PER_FRAME, N_MELS
from generation.core.motion import N_CHANNELS
from generation.core.performance import CastMember, CharacterPerformance, Line, Performance
from generation.core.weights import load_strict
from generation.models.flow import seeded_noise, velocity
from generation.models.joint_inputs import AUDIO_CHANNELS, HEARD_CHANNELS, JointInputs
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer
from generation.models.vocoder import Vocoder
from generation.pipeline.conditioning import Condition, Generate, Given, LatentState, apply_all
from generation.pipeline.guidance import MaskRoutedGuidance, guided_velocities
from generation.pipeline.listening import heard
from generation.pipeline.postprocess import assemble_speech, postprocess_motion
from generation.pipeline.sampling import (
    DEFAULT_GUIDANCE,
    DEFAULT_SAMPLING,
    DISTILLED_ADAPTER,
    DISTILLED_STEPS,
    GUIDED_STEPS,
    Guidance,
    Sampling,
    noise_levels,
)
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL, silent_symbols, timed_symbols


class JointPipeline(DiffusionPipeline):
    """Text to speech and motion, recording to motion, motion and text to speech: one set of weights, by conditions.

    Attributes:
        adapters: those that members of a cast may have; each acts on its own character's tokens alone.
    """

    model_cpu_offload_seq = "transformer->vocoder"

    def __init__(
        self,
        transformer: JointTransformer,
        vocoder: Vocoder,
        scheduler: FlowMatchEulerDiscreteScheduler,
        guider: MaskRoutedGuidance,
        audio_guider: ClassifierFreeGuidance,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer,
            vocoder=vocoder,
            scheduler=scheduler,
            guider=guider,
            audio_guider=audio_guider,
        )
        self.standard = LatentNormalizer.of(transformer)
        self.adapters = RoutedAdapters(transformer)

    @classmethod
    def assemble(cls, transformer: JointTransformer, vocoder: Vocoder) -> JointPipeline:
        """A pipeline of two models with the scheduler and guiders that they were made for."""
        return cls(
            transformer,
            vocoder,
            FlowMatchEulerDiscreteScheduler(),
            MaskRoutedGuidance(),
            ClassifierFreeGuidance(guidance_scale=Guidance.speech),
        )

    @classmethod
    def from_pretrained(cls, folder: Path | None = None) -> JointPipeline:
        """Loads a folder written by ``save_pretrained``, by default the one that ships; strict, no network.

        Raises:
            RuntimeError: weights are missing, damaged or do not fit.
        """
        folder = asset("model") if folder is None else folder
        transformer = load_strict(JointTransformer, folder / "transformer")
        if (folder / DISTILLED_ADAPTER).is_dir():
            load_adapter(transformer, DISTILLED_ADAPTER, folder / DISTILLED_ADAPTER)
            switch_adapters(transformer, on=False)
        return cls(
            transformer,
            load_strict(Vocoder, folder / "vocoder"),
            FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
            MaskRoutedGuidance.from_pretrained(folder / "guider", local_files_only=True),
            ClassifierFreeGuidance.from_pretrained(folder / "audio_guider", local_files_only=True),
        )

    @torch.no_grad()
    def __call__(
        self,
        lines: Sequence[Line],
        cast: Sequence[CastMember],
        n_frames: int,
        membership: np.ndarray | None = None,
        seed: int = 0,
        sampling: Sampling = DEFAULT_SAMPLING,
        guidance: Guidance = DEFAULT_GUIDANCE,
        audio_conditions: Sequence[Condition] = (),
        motion_conditions: Sequence[Condition] = (),
        steer: Callable[[Tensor], Tensor] | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Performance:
        """Speech and motion of K people over ``n_frames`` video frames.

        Args:
            lines: what is said or played, within the frames.
            cast: the K people.
            n_frames: T.
            membership: (K, K * T) share of voice i in face token (j, t), token j * T + t, as ``masks.routing`` gives
                it. None = everyone drives their own face.
            seed: noise is seeded by (seed, name, line id) in a line, by (seed, name) elsewhere.
            sampling: steps and temperatures.
            guidance: scales.
            audio_conditions: further conditions on the audio stream, standardised latents.
            motion_conditions: the same for motion, such as a kept span
            (:class:`generation.pipeline.conditioning.Given`); noise
                among them has spread 1 and is calmed as all of it.
            steer: changes each step's predicted clean motion, (1, K, T, 57) standardised, such as through keyframes.
            on_step: called with (steps done, steps in all); raising in it stops the run.

        Raises:
            ValueError: a line outside the frames, of an unknown character or over another line of the same person; a
                voice or membership of the wrong shape; no steps; an adapter that is not loaded.
        """
        if sampling.steps is not None and sampling.steps < 1:
            raise ValueError(f"Sampling needs at least one step, got {sampling.steps}.")
        self.check_inputs(lines, cast, n_frames, membership)
        audio = apply_all(self.prepare_audio(lines, cast, n_frames, seed, sampling), audio_conditions)
        motion = apply_all(self.prepare_motion(lines, cast, n_frames, seed), motion_conditions)
        calm = torch.from_numpy(sampling.motion_spread()).to(motion.latent)
        motion = replace(motion, latent=calm * motion.latent)
        inputs = self.prepare_inputs(lines, cast, membership, audio, motion)
        with self.adapters.active([dict(member.adapters) for member in cast]):
            audio, motion = self.denoise(inputs, audio, motion, cast, sampling, guidance, on_step, steer)
        return self.decode(lines, cast, audio, motion)

    @property
    def distilled(self) -> bool:
        """Whether the adapter of the distilled sampler is there."""
        return DISTILLED_ADAPTER in getattr(self.transformer, "peft_config", {})

    def check_inputs(
        self, lines: Sequence[Line], cast: Sequence[CastMember], n_frames: int, membership: np.ndarray | None
    ) -> None:
        """Refuses what does not fit together, before any work."""
        width = self.transformer.config.voice_dim
        if not cast or n_frames < 1:
            raise ValueError(f"A scene needs somebody and a length; it has {len(cast)} people and {n_frames} frames.")
        for member in cast:
            for what, values, shape in (("voice", member.voice, (width,)), ("timbre", member.timbre, (2, N_MELS))):
                if values is not None and values.shape != shape:
                    raise ValueError(f"The {what} of {member.name} has shape {values.shape}, expected {shape}.")
        for line in lines:
            if not 0 <= line.character < len(cast):
                raise ValueError(f"Line {line.id} belongs to character {line.character}; the cast has {len(cast)}.")
            if line.start < 0 or line.stop > n_frames:
                raise ValueError(f"Line {line.id} spans frames {line.start} to {line.stop} of a scene of {n_frames}.")
        in_order = sorted(lines, key=lambda line: (line.character, line.start))
        for line, following in pairwise(in_order):
            if line.character == following.character and following.start < line.stop:
                name = cast[line.character].name
                raise ValueError(f"Lines {line.id} and {following.id} of {name} overlap; move one of them.")
        if membership is not None and membership.shape != (len(cast), len(cast) * n_frames):
            expected = (len(cast), len(cast) * n_frames)
            raise ValueError(f"The membership has shape {membership.shape}, expected {expected}.")

    def prepare_inputs(
        self,
        lines: Sequence[Line],
        cast: Sequence[CastMember],
        membership: np.ndarray | None,
        audio: LatentState,
        motion: LatentState,
    ) -> JointInputs:
        """What the network is told before the first step, B = 1: phonemes, voices, segments, routing, both streams."""
        n_cast, n_frames = len(cast), audio.latent.shape[2]
        ids, place = silent_symbols(MELS_PER_FRAME * n_frames)
        symbols, places = np.tile(ids, (n_cast, 1)), np.tile(place, (n_cast, 1, 1))
        segments = np.zeros((n_cast, n_frames), np.int64)
        for number, line in enumerate(lines, 1):
            mels = slice(MELS_PER_FRAME * line.start, MELS_PER_FRAME * line.stop)
            segments[line.character, line.start : line.stop] = number
            if line.phonemes.strip():
                symbols[line.character, mels], places[line.character, mels] = timed_symbols(
                    line.phonemes, line.durations
                )
            else:
                symbols[line.character, mels], places[line.character, mels] = UNKNOWN_SYMBOL, 0
        voices = np.stack([np.append(m.voice, float(np.any(m.voice))) for m in cast]).astype(np.float32)
        if membership is None:
            table = np.repeat(np.eye(n_cast, dtype=np.float32)[:, :, None], n_frames, 2)
        else:
            table = membership.reshape(n_cast, n_cast, n_frames).astype(np.float32)
        device = self._execution_device  # asks every module for its hooks, each time
        arrays = {"symbols": symbols, "place": places.astype(np.float32), "voice": voices, "segments": segments}
        told = {name: torch.from_numpy(a)[None].to(device) for name, a in (arrays | {"membership": table}).items()}
        blended = audio.blended
        return JointInputs(
            audio=blended, sigma=blended.new_ones(1), audio_given=audio.given, motion=motion.blended,
            motion_given=motion.given, heard=blended.new_zeros(*blended.shape[:3], HEARD_CHANNELS), **told,
        )  # fmt: skip

    def prepare_audio(
        self, lines: Sequence[Line], cast: Sequence[CastMember], n_frames: int, seed: int, sampling: Sampling
    ) -> LatentState:
        """Audio stream: silence where nobody speaks, recordings given, noise in the lines to be spoken."""
        silence = torch.from_numpy(self.standard.silence(n_frames)).to(self._execution_device)
        state = LatentState.pinned(silence.expand(1, len(cast), -1, -1).clone())
        conditions: list[Condition] = []
        for line in lines:
            if line.recording is None:
                noise = sampling.temperature * _noise((line.n_frames, AUDIO_CHANNELS), seed, cast, line, "audio")
                conditions.append(Generate(line.character, line.start, noise))
            else:
                mel = mel_spectrogram(torch.from_numpy(line.recording)).numpy()
                conditions.append(Given(line.character, line.start, torch.from_numpy(self.standard.audio(mel))))
        return apply_all(state, conditions)

    def prepare_motion(
        self, lines: Sequence[Line], cast: Sequence[CastMember], n_frames: int, seed: int
    ) -> LatentState:
        """Motion stream: noise everywhere, seeded by line inside lines."""
        blank = torch.zeros(1, len(cast), n_frames, N_CHANNELS, device=self._execution_device)
        conditions: list[Condition] = [
            Generate(k, 0, _noise((n_frames, N_CHANNELS), seed, cast, member, "idle")) for k, member in enumerate(cast)
        ]
        for line in lines:
            noise = _noise((line.n_frames, N_CHANNELS), seed, cast, line, "motion")
            conditions.append(Generate(line.character, line.start, noise))
        return apply_all(LatentState.pinned(blank), conditions)

    def denoise(
        self,
        inputs: JointInputs,
        audio: LatentState,
        motion: LatentState,
        cast: Sequence[CastMember],
        sampling: Sampling,
        guidance: Guidance,
        on_step: Callable[[int, int], None] | None,
        steer: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[LatentState, LatentState]:
        """Integrates both streams from noise to data together."""
        alone = len(cast) == 1
        sides = torch.tensor([[member.side for member in cast]], dtype=torch.float32, device=audio.latent.device)
        guider = self.guider.for_scene(inputs, guidance, listening=not alone)
        audio_guider = self.audio_guider.new(guidance_scale=guidance.speech)
        guided = sampling.steps is not None or not self.distilled
        unsaid = GUIDED_STEPS if guided else DISTILLED_STEPS
        steps = unsaid if sampling.steps is None else sampling.steps
        sigmas = noise_levels(steps)
        self.scheduler.set_timesteps(sigmas=sigmas, device=motion.latent.device)
        self.scheduler.set_begin_index(0)
        motion_scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.scheduler.config)
        motion_scheduler.set_timesteps(sigmas=sigmas, device=motion.latent.device)
        motion_scheduler.set_begin_index(0)
        if self.distilled:
            switch_adapters(self.transformer, on=not guided)
        for step, t in enumerate(self.scheduler.timesteps):
            guider.set_state(step, steps, t)
            audio_guider.set_state(step, steps, t)
            sigma = float(self.scheduler.sigmas[step])
            inputs = replace(
                inputs, audio=audio.blended, motion=motion.blended, sigma=inputs.sigma.new_full((1,), sigma)
            )
            if not alone:
                inputs = replace(inputs, heard=heard(inputs.audio, sides, inputs.segments))
            if guided:
                spoken, moved = guided_velocities(self.transformer, guider, audio_guider, inputs)
            else:
                spoken, moved = self._distilled(inputs, sigma)
            if steer is not None:
                clean = steer(motion.blended - sigma * moved)
                moved = velocity(motion.blended, clean, sigma)
            audio = _stepped(self.scheduler, spoken, t, audio)
            motion = _stepped(motion_scheduler, moved, t, motion)
            if on_step is not None:
                on_step(step + 1, steps)
        return audio, motion

    def _distilled(self, inputs: JointInputs, sigma: float) -> tuple[Tensor, Tensor]:
        """Velocities of both streams from a single call: words, routed voices and what is heard all at once."""
        clean_audio, clean_motion = self.transformer(inputs, return_dict=False)
        return velocity(inputs.audio, clean_audio, sigma), velocity(inputs.motion, clean_motion, sigma)

    def decode(
        self, lines: Sequence[Line], cast: Sequence[CastMember], audio: LatentState, motion: LatentState
    ) -> Performance:
        """Finished latents -> sound and motion on the clock."""
        n_frames = audio.latent.shape[2]
        spoken, moved, made = (t[0].float().cpu().numpy() for t in (audio.blended, motion.blended, motion.denoise_mask))
        parts = []
        for k, member in enumerate(cast):
            own = [line for line in lines if line.character == k]
            mel = self.standard.mel(spoken[k]).astype(np.float32)
            speech = assemble_speech(own, mel, n_frames, self.vocoder, member.timbre)
            track = postprocess_motion(self.standard.motion_values(moved[k]), mel, made[k], own)
            parts.append(CharacterPerformance(member.name, speech, track))
        return Performance(tuple(parts), n_frames)


def _noise(
    shape: tuple[int, int], seed: int, cast: Sequence[CastMember], owner: Line | CastMember, stream: str
) -> Tensor:
    """Standard normal noise that depends on the seed, the person's name, the line's id and the stream alone."""
    key = (owner.name,) if isinstance(owner, CastMember) else (cast[owner.character].name, owner.id)
    return seeded_noise(shape, seed, *key, stream)


def _stepped(
    scheduler: FlowMatchEulerDiscreteScheduler, prediction: Tensor, timestep: Tensor, state: LatentState
) -> LatentState:
    moved = scheduler.step(prediction, timestep, state.blended, return_dict=False)[0]
    return replace(state, latent=moved)
