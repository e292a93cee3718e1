"""Performance of a scene by the trained models: timeline, segments, retakes and gaze."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from generation.core.delivery import Delivery
from generation.core.motion import MotionTrack
from generation.core.performance import CastMember, Performance, Prosody, StoredPerformance
from generation.core.result_key import made_by, result_key
from generation.motion.keyframes import KeyedSpan, crossfade
from generation.pipeline.face_routing import LEAST_SHARE
from studio.cast.clip_people import clip_frames
from studio.core.output import require_place
from studio.core.progress import Progress
from studio.performance.characters import character_voices, line_strengths
from studio.performance.given_motion import write_given_motion
from studio.performance.models import Models, single_threaded
from studio.performance.performance_cache import PerformanceCache, made_bytes
from studio.performance.recorded_lines import NOTHING_REPLACED, FormerLines, voiced_tracks, without_new_words
from studio.performance.retake_plan import bend_through_keys, frames_around, plan_retakes
from studio.performance.scene_gaze import write_scene_eyes
from studio.performance.scene_routing import scene_routing
from studio.performance.segment_generation import OnStep, SegmentGenerator
from studio.scene.line_names import line_names
from studio.scene.schema import Scene
from studio.scene.styles import line_deliveries
from studio.timeline.directed import directed_scene
from studio.timeline.listeners import ListeningCast
from studio.timeline.placed_marks import PlacedCurve, head_turns, lay_curves, placed_curves, placed_gazes
from studio.timeline.recordings import line_recording, notes_of_line
from studio.timeline.segments import Segment, joined_step_by_step, split
from studio.timeline.timeline import Speaker, Timeline, build_timeline

MADE_BY = (
    "studio.performance.segment_generation",
    "studio.performance.performance_cache",
    "studio.performance.recorded_lines",
)
"""Modules that make and keep a segment and its retakes."""


class ScenePerformer:
    """The models at work on one scene.

    Args:
        scene: a checked scene.
        folder: where its file names start.
        models: loaded models.
        seed: in place of the scene's; None = the scene's.
        steps: sampling steps; None = those of the sampler that ships.
        speakers_only: in each segment only those who speak in it, and those whose faces they speak through, are
            generated, the others are still: several times as quick.

    Attributes:
        seed: of the noise.
        generated: share of what was performed last that did not come from kept segments.

    Raises:
        ValueError: a style that cannot be used.
        RuntimeError: an adapter's file that is damaged.
    """

    def __init__(
        self,
        scene: Scene,
        folder: Path,
        models: Models,
        *,
        seed: int | None = None,
        steps: int | None = None,
        speakers_only: bool = False,
    ) -> None:
        self._names = line_names(scene)
        scene = directed_scene(scene)
        self._scene, self._folder, self._models = scene, folder, models
        self._steps, self._speakers_only = steps, speakers_only
        self.seed = scene.seed if seed is None else seed
        self._voices = character_voices(scene, folder, models)
        self._strengths = line_strengths(scene, folder, models)
        self._deliveries = [line_deliveries(scene, index, folder) for index in range(len(scene.cast))]
        self.generated = 0.0

    def timeline(self) -> Timeline:
        """Every line pronounced, measured by the duration predictor or laid on its recording, and placed.

        Raises:
            ValueError: times that cannot be met.
        """
        return self._timeline_of(self._scene)

    def _timeline_of(self, scene: Scene) -> Timeline:
        speakers = [
            Speaker(voice.embedding, voice.delivery, in_lines)
            for voice, in_lines in zip(self._voices, self._deliveries, strict=True)
        ]
        load = partial(line_recording, self._folder)
        aligned = self._models.times_of_words
        notes, length = partial(notes_of_line, scene, self._folder), clip_frames(scene, self._folder)
        timeline = build_timeline(
            scene, speakers, self._models.durations, load, self._names, aligned, length, notes_of=notes
        )
        prosodies = [Prosody(line.loudness, line.pitch, line.melody) for line in scene.script]
        timeline = timeline.with_adapters(self._strengths, prosodies)
        members = [CastMember(v.name, v.embedding, 0.0, tuple(v.styles.items()), v.timbre) for v in self._voices]
        converted = {line.id for line, written in zip(timeline.lines, scene.script, strict=True) if written.convert}
        return self._models.with_own_voices(timeline, converted, members, self.seed, self._steps)

    @single_threaded()
    def perform(
        self,
        timeline: Timeline,
        routing: np.ndarray,
        sides: np.ndarray,
        work: Path,
        progress: Progress,
        wanted: Collection[str] | None = None,
        on_part: Callable[[StoredPerformance, int], None] = lambda performance, n_frames: None,
    ) -> StoredPerformance:
        """Generates speech and motion of everybody over the whole scene.

        Args:
            timeline: of the scene.
            routing: (K, K) or (K, K, L) routing weight of face j in the place of character i, see
                :func:`studio.performance.scene_routing.scene_routing`.
            sides: (K,) where each person sits, -1 (left) .. 1 (right).
            work: folder where finished segments are kept, and found again; the performance lies there too.
            progress: told how far it is, asked whether to stop.
            wanted: ids of the lines that are needed; only their segments are made, elsewhere is silence. None = all.
            on_part: told the performance, and up to which frame it is finished, as it grows.

        Raises:
            Cancelled: stopped; the finished segments stay.
            DocumentError: the disk has no room for so long a scene; nothing was made.
            ValueError: a motion file that cannot be used.
            OSError: the disk is full.
        """
        names = [voice.name for voice in self._voices]
        require_place(work / "speech", needed_bytes=made_bytes(timeline.seconds, len(names)))
        segments = [s for s in split(timeline) if wanted is None or any(line.id in wanted for line in s.lines)]
        retakes = _retakes_of(self._scene, timeline, segments)
        former = self._former(routing)
        routing = scene_routing(self._scene, timeline, routing)
        joined, finished = (StoredPerformance.still(names, timeline.n_frames, work) for _ in range(2))
        finished = replace(finished, speech=joined.speech, voiced=voiced_tracks(timeline.speaker_lines, len(names)))
        deliveries, blinks = self._eyes_of(timeline, segments)
        curves, gazes = placed_curves(self._scene, timeline), placed_gazes(self._scene, timeline, sides)
        listeners = ListeningCast(self._scene, timeline, self.seed)
        eyes = write_scene_eyes(
            joined, finished, self._scene, timeline, segments, sides, self.seed, retakes, deliveries,
            routing >= LEAST_SHARE, blinks, gazes, listeners.partners,
        )  # fmt: skip
        ends = [segment.start + segment.n_frames - segment.after for segment in segments]
        # heads before the eyes are drawn, which make up for them
        heads = [*(curve for curve in curves if curve.turns_head), *head_turns(gazes)]
        faces = [curve for curve in curves if not curve.turns_head]
        known, told = 0, 0
        plain: deque[Performance] = deque()
        seen = StoredPerformance.still(names, timeline.n_frames, work) if retakes else joined
        as_seen = joined_step_by_step(segments, _popped(plain), seen)
        for until in joined_step_by_step(
            segments, self._parts(segments, retakes, routing, former, sides, work, progress, plain), joined
        ):
            if retakes:
                next(as_seen)
            listeners.react(joined, seen, [*heads, *faces], known, until)
            lay_curves(joined, heads, known, until)
            known = until
            while ends and ends[0] <= known:
                ends.pop(0)
                told = self._finish(finished, timeline, faces, retakes, told, next(eyes))
                on_part(finished, told)
        for until in eyes:
            told = self._finish(finished, timeline, faces, retakes, told, until)
        return finished

    def _finish(
        self,
        finished: StoredPerformance,
        timeline: Timeline,
        faces: Sequence[PlacedCurve],
        retakes: Sequence[KeyedSpan],
        first: int,
        stop: int,
    ) -> int:
        """Curves, motion from files and keys where eyes are drawn; the frame up to which nothing changes any more."""
        around = [(span, frames_around(span, finished.n_frames)) for span in retakes]
        stop = min([stop, *(frames.start for _, frames in around if frames.start < stop < frames.stop)])
        lay_curves(finished, faces, first, stop)
        write_given_motion(finished, self._scene, self._folder, timeline, first, stop)
        bend_through_keys(finished, [span for span, frames in around if first < frames.stop <= stop])
        return max(first, stop)

    def _parts(
        self,
        segments: Sequence[Segment],
        retakes: Sequence[KeyedSpan],
        routing: np.ndarray,
        former: FormerLines,
        sides: np.ndarray,
        work: Path,
        progress: Progress,
        plain: deque[Performance],
    ) -> Iterator[Performance]:
        """Speech and motion of each segment with its retakes, kept or generated, one at a time; ``plain`` without."""
        generator, cache = self._generator(routing, sides), PerformanceCache(work)
        total = sum(segment.n_frames for segment in segments)
        done = 0
        self.generated = 0.0
        for number, segment in enumerate(segments, 1):
            note = f"part {number} of {len(segments)}"
            progress.yield_point()
            progress.update(done, total, note)
            on_step = partial(_report, progress, done, segment.n_frames, total, note)
            key = self._key(segment, routing, sides, former)
            part = cache.load(key)
            if part is None:
                whole, kept = former.joined(segment, partial(self._as_it_was, former, sides, cache, on_step))
                part = generator.generate(whole, on_step, kept)
                cache.save(key, part)
                self.generated += segment.n_frames / total
            if retakes:
                plain.append(part)
            inside = {line.id for line in segment.lines}
            spans = [span.shifted(-segment.start) for span in retakes if span.line.id in inside]
            yield _with_retakes(segment, part, spans, generator, cache, key, on_step)
            done += segment.n_frames
        cache.trim()

    def segment_keys(self, timeline: Timeline, routing: np.ndarray, sides: np.ndarray) -> dict[str, str]:
        """Key of the kept segment that holds each line, by the line's id; arguments as of :meth:`perform`."""
        former = self._former(routing)
        routing = scene_routing(self._scene, timeline, routing)
        keys = [(segment.lines, self._key(segment, routing, sides, former)) for segment in split(timeline)]
        return {line.id: key for lines, key in keys for line in lines}

    def _eyes_of(
        self, timeline: Timeline, segments: Sequence[Segment]
    ) -> tuple[list[list[Delivery]], list[list[float | None]]]:
        """Everybody's delivery and blinks a minute in each segment: as the first of its lines has them that asks."""
        index_of = {line.id: number for number, line in enumerate(timeline.lines)}
        usual = [voice.delivery for voice in self._voices], [member.blinks for member in self._scene.cast]
        deliveries, blinks = [], []
        for segment in segments:
            own, rates = list(usual[0]), list(usual[1])
            for number in sorted((index_of[line.id] for line in segment.lines if line.id in index_of), reverse=True):
                written = self._scene.script[number]
                for speaker in self._scene.speakers_of(written):
                    for who in {speaker, *self._scene.faces_of(written, speaker)}:
                        own[who] = self._deliveries[who].get(number, own[who])
                        rates[who] = rates[who] if written.blinks is None else written.blinks
            deliveries.append(own)
            blinks.append(rates)
        return deliveries, blinks

    def _generator(self, routing: np.ndarray, sides: np.ndarray) -> SegmentGenerator:
        cast = [
            CastMember(voice.name, voice.embedding, float(side), tuple(voice.styles.items()), voice.timbre)
            for voice, side in zip(self._voices, sides, strict=True)
        ]
        return SegmentGenerator(
            self._models.pipeline,
            cast,
            routing,
            seed=self.seed,
            steps=self._steps,
            speakers_only=self._speakers_only,
        )

    def _former(self, routing: np.ndarray) -> FormerLines:
        """The lines whose words were replaced as they were before; routing as of :meth:`perform`."""
        scene = without_new_words(self._scene)
        if scene is self._scene:
            return NOTHING_REPLACED
        timeline = self._timeline_of(scene)
        return FormerLines.of(timeline, scene_routing(scene, timeline, routing))

    def _as_it_was(
        self, former: FormerLines, sides: np.ndarray, cache: PerformanceCache, on_step: OnStep, segment: Segment
    ) -> Performance:
        """A segment before its words were replaced, kept or generated."""
        key = self._key(segment, former.routing, sides)
        part = cache.load(key)
        if part is None:
            part = self._generator(former.routing, sides).generate(segment, on_step)
            cache.save(key, part)
        return part

    def _key(
        self, segment: Segment, routing: np.ndarray, sides: np.ndarray, former: FormerLines = NOTHING_REPLACED
    ) -> str:
        """Key of a segment: what the model is asked for, the model, the code that asks, and what words are joined."""
        voices = [(voice.name, voice.styles) for voice in self._voices]
        how = (segment.key, voices, self.seed, self._steps, self._speakers_only, self._models.device)
        timbres = [np.zeros(0) if voice.timbre is None else voice.timbre for voice in self._voices]
        geometry = routing[:, :, segment.start : segment.start + segment.n_frames], sides
        key = result_key(made_by(*MADE_BY), how, *(voice.embedding for voice in self._voices), *timbres, *geometry)
        before = [self._key(was, former.routing, sides) for was in former.segments_of(segment)]
        return result_key(key, *before) if before else key


def _popped(parts: deque[Performance]) -> Iterator[Performance]:
    """Parts as they are added, each when it is asked for."""
    while parts:
        yield parts.popleft()


def _retakes_of(scene: Scene, timeline: Timeline, segments: Sequence[Segment]) -> list[KeyedSpan]:
    lines = {line.id for segment in segments for line in segment.lines}
    return [span for span in plan_retakes(scene, timeline) if span.line.id in lines]


def _with_retakes(
    segment: Segment,
    part: Performance,
    spans: Sequence[KeyedSpan],
    generator: SegmentGenerator,
    cache: PerformanceCache,
    key: str,
    on_step: OnStep,
) -> Performance:
    """A segment with the motion of some spans generated anew, each kept by itself.

    Every span is generated from the segment as it was, so that their order does not matter.
    """
    parts = list(part.characters)
    for span in spans:
        who = span.mover
        own_key = result_key(key, {**vars(span), "line": span.line.id})
        retake = cache.load(own_key)
        if retake is None:
            retake = generator.retake(segment, part, span, on_step)
            cache.save(own_key, retake)
        values = crossfade(parts[who].motion.values, retake.characters[0].motion.values, span.first, span.stop)
        parts[who] = replace(parts[who], motion=MotionTrack(values))
    return replace(part, characters=tuple(parts))


def _report(progress: Progress, before: int, n_frames: int, total: int, note: str, step: int, steps: int) -> None:
    progress.update(before + n_frames * step / steps, total, note)
