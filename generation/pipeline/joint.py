"""The joint pipeline: lines and voices in, everybody's speech and motion out, in one sampling run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.guiders import ClassifierFreeGuidance
from torch import Tensor

from generation.adapters.lora import load_adapter, switch_adapters
from generation.adapters.routing import RoutedAdapters
from generation.core.assets import asset
from generation.core.clock import N_MELS
from generation.core.motion import N_CHANNELS
from generation.core.performance import CastMember, CharacterPerformance, Line, Performance
from generation.core.weights import load_strict
from generation.models.flow import seeded_noise, velocity
from generation.models.joint_inputs import AUDIO_CHANNELS, HEARD_CHANNELS, JointInputs
from generation.models.normalizer import LatentNormalizer
from generation.models.transformer import JointTransformer
from generation.models.vocoder import Vocoder
from generation.pipeline.adapter_strengths import AdapterStrengths
from generation.pipeline.conditioning import Condition, Generate, Given, LatentState, apply_all
from generation.pipeline.face_routing import FaceRouting, route
from generation.pipeline.guidance import MaskRoutedGuidance, guided_velocities
from generation.pipeline.line_inputs import check_languages, line_languages, line_numbers, line_symbols
from generation.pipeline.listening import Listeners, seen_motion
from generation.pipeline.postprocess import assemble_speech, pause_gate, postprocess_motion
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
from generation.pipeline.windows import Place, quiet_frames, sample_windows
from generation.recordings.recorded_speech import speech_log_mel


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
        self.normalizer = LatentNormalizer.of(transformer)
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
        routing: np.ndarray | None = None,
        seed: int = 0,
        sampling: Sampling = DEFAULT_SAMPLING,
        guidance: Guidance = DEFAULT_GUIDANCE,
        audio_conditions: Sequence[Condition] = (),
        motion_conditions: Sequence[Condition] = (),
        steer: Callable[[int, Tensor], Tensor] | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Performance:
        """Speech and motion of K people over ``n_frames`` video frames, long ones window by window.

        Args:
            lines: what is said or played, within the frames.
            cast: the K people.
            n_frames: T.
            routing: (K, K, T) share of voice i in face j in frame t, at most 1 over the voices. What a face does in
                speech comes from the voices routed to it. A voice may drive several faces or none, a face may have
                several voices or none. None = everyone drives their own face.
            seed: noise is seeded by (seed, name, line id) in a line, by (seed, name) elsewhere.
            sampling: steps and temperatures.
            guidance: scales.
            audio_conditions: further conditions on the audio stream, standardised latents.
            motion_conditions: the same for motion, such as a kept span
            (:class:`generation.pipeline.conditioning.Given`); noise
                among them has spread 1 and is calmed as all of it.
            steer: changes each step's predicted clean motion, (1, K, n, 57) standardised, of the window that begins at
                a frame, such as through keyframes.
            on_step: called with (steps done, steps in all); raising in it stops the run.

        Raises:
            ValueError: a line outside the frames, of an unknown character, over another line of the same person or in
                a language that the weights do not know; a voice or routing of the wrong shape; no steps; an adapter
                that is not loaded.
        """
        if sampling.steps is not None and sampling.steps < 1:
            raise ValueError(f"Sampling needs at least one step, got {sampling.steps}.")
        self.check_inputs(lines, cast, n_frames, routing)
        own = np.repeat(np.eye(len(cast), dtype=np.float32)[:, :, None], n_frames, 2)
        speaking = line_numbers(lines, len(cast), n_frames) > 0
        rows = route(own if routing is None else routing.astype(np.float32), speaking)
        audio = self.prepare_audio(lines, cast, n_frames, seed, sampling, silent_voice=rows.silence)
        audio = apply_all(audio, audio_conditions)
        motion = apply_all(self.prepare_motion(lines, cast, n_frames, seed, rows), motion_conditions)
        calm = torch.from_numpy(sampling.motion_spread()).to(motion.latent)
        motion = replace(motion, latent=calm * motion.latent)
        inputs = self.prepare_inputs(lines, cast, rows, audio, motion)
        strengths = AdapterStrengths.of(lines, cast, rows)

        def denoise(
            told: JointInputs, sound: LatentState, shown: LatentState, some: FaceRouting, place: Place
        ) -> tuple[LatentState, LatentState]:
            bent = None if steer is None else partial(steer, place.first)
            step = None if on_step is None else partial(place.report, on_step)
            with self.adapters.active(*strengths.window(place.first, sound.latent.shape[2])):
                return self.denoise(told, sound, shown, cast, some, sampling, guidance, step, bent)

        quiet = quiet_frames(inputs, audio, self.normalizer.silence(1))
        audio, motion = sample_windows(denoise, inputs, audio, motion, rows, quiet)
        return self.decode(lines, cast, rows, audio, motion)

    @property
    def distilled(self) -> bool:
        """Whether the adapter of the distilled sampler is there."""
        return DISTILLED_ADAPTER in getattr(self.transformer, "peft_config", {})

    def check_inputs(
        self, lines: Sequence[Line], cast: Sequence[CastMember], n_frames: int, routing: np.ndarray | None
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
        check_languages(lines, self.transformer.config.n_languages)
        in_order = sorted(lines, key=lambda line: (line.character, line.start))
        for line, following in pairwise(in_order):
            if line.character == following.character and following.start < line.stop:
                name = cast[line.character].name
                raise ValueError(f"Lines {line.id} and {following.id} of {name} overlap; move one of them.")
        expected = (len(cast), len(cast), n_frames)
        if routing is not None and routing.shape != expected:
            raise ValueError(f"The routing has shape {routing.shape}, expected {expected}.")

    def prepare_inputs(
        self,
        lines: Sequence[Line],
        cast: Sequence[CastMember],
        rows: FaceRouting,
        audio: LatentState,
        motion: LatentState,
    ) -> JointInputs:
        """Inputs of the network before the first step, B = 1: phonemes, languages, voices, routing, both streams."""
        n_voices, n_frames = audio.latent.shape[1:3]
        symbols, places = line_symbols(lines, n_voices, n_frames, self.transformer.config.n_symbols)
        voices = np.stack([np.append(m.voice, float(np.any(m.voice))) for m in cast]).astype(np.float32)
        silent = np.zeros((n_voices - len(cast), voices.shape[1]), np.float32)
        arrays = {
            "symbols": symbols,
            "phoneme_position": places,
            "voice": np.concatenate((voices, silent)),
            "line_numbers": line_numbers(lines, n_voices, n_frames),
            "language": line_languages(lines, n_voices, n_frames),
            "share": rows.shares,
        }
        if not rows.plain:
            arrays |= {"driver": rows.drivers, "partner": rows.partners[:n_voices]}
            arrays |= {"face_voice": rows.conditions(voices)}
        device = self._execution_device  # asks every module for its hooks, each time
        told = {name: torch.from_numpy(a)[None].to(device) for name, a in arrays.items()}
        blended, shown = audio.blended, rows.of_faces(motion.blended)
        return JointInputs(
            audio=blended, sigma=blended.new_ones(1), audio_given=audio.given, motion=shown,
            motion_given=rows.of_faces(motion.given), heard=blended.new_zeros(*shown.shape[:3], HEARD_CHANNELS), **told,
        )  # fmt: skip

    def prepare_audio(
        self,
        lines: Sequence[Line],
        cast: Sequence[CastMember],
        n_frames: int,
        seed: int,
        sampling: Sampling,
        silent_voice: bool = False,
    ) -> LatentState:
        """Audio stream: silence where nobody speaks, recordings given, noise in the lines to be spoken.

        With ``silent_voice`` there is one voice more, which never speaks: faces without a voice have it.
        """
        silence = torch.from_numpy(self.normalizer.silence(n_frames)).to(self._execution_device)
        state = LatentState.pinned(silence.expand(1, len(cast) + silent_voice, -1, -1).clone())
        conditions: list[Condition] = []
        for line in lines:
            who, at = line.character, line.start
            if line.recording is not None:
                mel = speech_log_mel(line.recording)
                conditions.append(Given(who, at, torch.from_numpy(self.normalizer.audio(mel))))
            if spans := line.synthesised:
                noise = sampling.temperature * _noise((line.n_frames, AUDIO_CHANNELS), seed, cast[who], "audio", line)
                conditions += [Generate(who, at + first, noise[first:stop]) for first, stop in spans]
        return apply_all(state, conditions)

    def prepare_motion(
        self, lines: Sequence[Line], cast: Sequence[CastMember], n_frames: int, seed: int, rows: FaceRouting
    ) -> LatentState:
        """Motion stream: noise everywhere, seeded by the face, and by the line where the face speaks one."""
        blank = torch.zeros(1, rows.n_faces, n_frames, N_CHANNELS, device=self._execution_device)
        faces = rows.owners(cast)
        conditions: list[Condition] = [
            Generate(k, 0, _noise((n_frames, N_CHANNELS), seed, face, "idle")) for k, face in enumerate(faces)
        ]
        for line in lines:
            for k in rows.driven_faces(line.character, line.start, line.stop):
                noise = _noise((line.n_frames, N_CHANNELS), seed, faces[k], "motion", line)
                conditions.append(Generate(k, line.start, noise))
        return apply_all(LatentState.pinned(blank), conditions)

    def denoise(
        self,
        inputs: JointInputs,
        audio: LatentState,
        motion: LatentState,
        cast: Sequence[CastMember],
        rows: FaceRouting,
        sampling: Sampling,
        guidance: Guidance,
        on_step: Callable[[int, int], None] | None,
        steer: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[LatentState, LatentState]:
        """Integrates both streams from noise to data together.

        Reactions to what is seen of the others are a state of their own, which only faces see: neither lips nor speech
        depend on the others' motion, not even by way of their own head.
        """
        alone = len(cast) == 1
        seeing, reactions = self.transformer.config.sees_others and not alone, torch.zeros_like(motion.latent)
        listeners = Listeners.of(rows, [member.side for member in cast], audio.latent.device)
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
                inputs,
                audio=audio.blended,
                motion=rows.of_faces(motion.blended),
                sigma=inputs.sigma.new_full((1,), sigma),
            )
            if not alone:
                inputs = replace(inputs, heard=listeners.loudest(inputs.audio, inputs.required("line_numbers")))
            if seeing:
                inputs = replace(inputs, **seen_motion(rows, replace(motion, latent=motion.latent + reactions)))
            if guided:
                spoken, moved, reaction = guided_velocities(self.transformer, guider, audio_guider, inputs)
            else:
                spoken, moved, reaction = self._distilled(inputs, sigma)
            moved = rows.to_faces(moved)
            reaction = None if reaction is None else rows.to_faces(reaction)
            if steer is not None:
                clean = motion.blended - sigma * moved
                steered = steer(clean)
                reaction = None if reaction is None else steer(clean + reaction) - steered
                moved = velocity(motion.blended, steered, sigma)
            if reaction is not None:
                following = float(self.scheduler.sigmas[step + 1])
                reactions = reactions + (following - sigma) * velocity(reactions, reaction, sigma)
            audio = _stepped(self.scheduler, spoken, t, audio)
            motion = _stepped(motion_scheduler, moved, t, motion)
            if on_step is not None:
                on_step(step + 1, steps)
        return audio, replace(motion, latent=motion.latent + reactions) if seeing else motion

    def _distilled(self, inputs: JointInputs, sigma: float) -> tuple[Tensor, Tensor, Tensor | None]:
        """As :func:`guided_velocities`, from a single call: words, voices, what is heard and seen all at once."""
        clean_audio, clean_motion, reaction = self.transformer(inputs, return_dict=False)
        moved = velocity(inputs.required("motion"), clean_motion, sigma)
        return velocity(inputs.audio, clean_audio, sigma), moved, reaction

    def decode(
        self,
        lines: Sequence[Line],
        cast: Sequence[CastMember],
        rows: FaceRouting,
        audio: LatentState,
        motion: LatentState,
    ) -> Performance:
        """Finished latents -> sound and motion on the clock."""
        n_frames = audio.latent.shape[2]
        spoken, moved, made = (t[0].float().cpu().numpy() for t in (audio.blended, motion.blended, motion.denoise_mask))
        mels = [self.normalizer.mel(spoken[v]).astype(np.float32) for v in range(len(cast))]
        own = [[line for line in lines if line.character == v] for v in range(len(cast))]
        spans = [[slice(line.start, line.stop) for line in said] for said in own]
        opened = rows.mixed_by_face(np.stack([pause_gate(mel, said) for mel, said in zip(mels, spans, strict=True)]))
        parts = []
        for k, member in enumerate(cast):
            speech = assemble_speech(own[k], mels[k], n_frames, self.vocoder, member.timbre)
            track = postprocess_motion(self.normalizer.motion_values(moved[k]), opened[k], made[k])
            parts.append(CharacterPerformance(member.name, speech, track))
        return Performance(tuple(parts), n_frames)


def _noise(shape: tuple[int, int], seed: int, owner: CastMember, stream: str, line: Line | None = None) -> Tensor:
    """Standard normal noise that depends on the seed, the person's name, the line's id and the stream alone."""
    key = (owner.name,) if line is None else (owner.name, line.id)
    return seeded_noise(shape, seed, *key, stream)


def _stepped(
    scheduler: FlowMatchEulerDiscreteScheduler, prediction: Tensor, timestep: Tensor, state: LatentState
) -> LatentState:
    moved = scheduler.step(prediction, timestep, state.blended, return_dict=False)[0]
    return replace(state, latent=moved)
