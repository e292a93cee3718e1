"""Speech and motion of one segment of a scene from the joint model, and spans of its motion generated anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from generation.core.clock import samples_from_frames
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.core.performance import CastMember, CharacterPerformance, Performance
from generation.models.flow import seeded_noise
from generation.pipeline.conditioning import Generate, Given
from generation.pipeline.retake import regenerate_span
from generation.pipeline.sampling import Sampling
from studio.performance.scene_routing import driven_faces, faces_moved

if TYPE_CHECKING:
    from generation.motion.keyframes import KeyedSpan
    from generation.pipeline.joint import JointPipeline
    from studio.timeline.segments import Segment

OnStep = Callable[[int, int], None]
"""Called with the sampling steps done, and those of the segment in all."""


@dataclass(frozen=True)
class KeptMotion:
    """Motion (n, 57) of a face of the cast that is there already, from a video frame of its segment on."""

    face: int
    first: int
    values: np.ndarray


class SegmentGenerator:
    """The joint pipeline with the cast of one scene.

    Args:
        pipeline: the joint model.
        cast: everybody of the scene.
        routing: (K, K, T) share of voice i in driving face j, in each frame of the whole scene.
        seed: of the noise.
        steps: sampling steps; None = the few of the distilled sampler.
        speakers_only: only those who speak or are spoken through in a segment are generated, the others are still.
    """

    def __init__(
        self,
        pipeline: JointPipeline,
        cast: Sequence[CastMember],
        routing: np.ndarray,
        *,
        seed: int,
        steps: int | None,
        speakers_only: bool,
    ) -> None:
        self._pipeline, self._cast, self._routing = pipeline, list(cast), routing
        self._seed, self._sampling, self._speakers_only = seed, Sampling(steps=steps), speakers_only

    def generate(self, segment: Segment, on_step: OnStep, kept: Sequence[KeptMotion] = ()) -> Performance:
        """Generates speech and motion of everybody in a segment, around motion that is kept as it is."""
        people = self._moved(segment) if self._speakers_only else list(range(len(self._cast)))
        among, cast, routing = self._among(people, segment)
        motion = self._pipeline.normalizer.motion
        given = [Given(people.index(k.face), k.first, torch.from_numpy(motion(k.values))) for k in kept]
        part = self._pipeline(
            among.lines,
            cast,
            segment.n_frames,
            routing=routing,
            seed=self._seed,
            sampling=self._sampling,
            motion_conditions=[*self._idle_noise(among, cast, routing), *given],
            on_step=on_step,
        )
        generated = dict(zip(people, part.characters, strict=True))
        still = np.zeros((segment.n_frames, N_CHANNELS), np.float32)
        silence = np.zeros(samples_from_frames(segment.n_frames), np.float32)
        everybody = (
            generated.get(index) or CharacterPerformance(member.name, silence, MotionTrack(still))
            for index, member in enumerate(self._cast)
        )
        return Performance(tuple(everybody), segment.n_frames)

    def retake(self, segment: Segment, part: Performance, span: KeyedSpan, on_step: OnStep) -> Performance:
        """The motion of the span's mover over a whole segment, generated anew within the span.

        It is generated among the segment's speakers: what listeners do stays as it is.

        Args:
            segment: the segment.
            part: its performance before any retake.
            span: within it, on its clock.
            on_step: told how far it is.

        Returns:
            The mover alone.
        """
        people, who = self._moved(segment), span.mover
        among, cast, routing = self._among(people, segment)
        spoken = Performance(tuple(part.characters[i] for i in people), part.n_frames)
        line = replace(span.line, character=people.index(span.line.character))
        own = replace(span, line=line, face=people.index(who))
        track = regenerate_span(
            self._pipeline, own, among.lines, cast, spoken, routing, self._seed, self._sampling, on_step
        )
        return Performance((replace(part.characters[who], motion=track),), part.n_frames)

    def _among(self, people: Sequence[int], segment: Segment) -> tuple[Segment, list[CastMember], np.ndarray]:
        """The segment with some of the cast counted anew, these, and whose voice drives whom of them."""
        lines = tuple(replace(line, character=people.index(line.character)) for line in segment.lines)
        frames = np.arange(segment.start, segment.start + segment.n_frames)
        routing = self._routing[np.ix_(people, people, frames)]
        return replace(segment, lines=lines), [self._cast[i] for i in people], routing

    def _moved(self, segment: Segment) -> list[int]:
        return faces_moved(self._routing, segment.lines, segment.start)

    def _idle_noise(self, segment: Segment, cast: Sequence[CastMember], routing: np.ndarray) -> list[Generate]:
        """Noise of the time in which each face says nothing, seeded by the segment too: no two fidget alike.

        A line's own noise is the pipeline's affair and depends on seed, person and line alone.
        """
        conditions = []
        for index, member in enumerate(cast):
            key = (self._seed, segment.lines[0].id, member.name, "idle")
            noise = seeded_noise((segment.n_frames, N_CHANNELS), *key)
            at = 0
            said = [line for line in segment.lines if index in driven_faces(routing, line)]
            for line in sorted(said, key=lambda line: line.start):
                if line.start > at:
                    conditions.append(Generate(index, at, noise[at : line.start]))
                at = max(at, line.stop)
            conditions.append(Generate(index, at, noise[at:]))
        return conditions
