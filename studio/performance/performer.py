"""Speech and motion of a scene from the trained model: piece by piece, each kept in the work folder when finished."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from generation.adapters.metadata import fingerprint
from generation.audio.waveform import Audio
from generation.core import (
    assets,  # lean_imports before anything that imports diffusers
    deferred_imports,
)
from generation.core.clock import SAMPLE_RATE, samples_from_frames
from generation.core.delivery import Delivery, mixed
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.core.performance import CastMember, CharacterPerformance, Performance
from generation.models.duration_predictor import DurationPredictor
from generation.motion.keyframes import KeyedSpan, faded
from generation.pipeline.conditioning import Generate
from generation.pipeline.joint import JointPipeline
from generation.pipeline.retake import made_again
from generation.pipeline.sampling import Sampling
from generation.voices.bank import VoiceBank, speaker_embedding_from_clip
from generation.voices.cloning import ClonedVoice, likeness
from studio.core.progress import Progress
from studio.core.storage import write_whole
from studio.performance.scene_gaze import with_scene_eyes
from studio.scene.retakes import planned, through_keys
from studio.scene.schema import Scene
from studio.scene.styles import read_style
from studio.timeline.segments import Segment, join, split
from studio.timeline.timeline import Speaker, Timeline, build_timeline, scene_recording
from studio.validation.scene_check import language_of

log = logging.getLogger(__name__)

MAX_WORK_BYTES = 500_000_000


@contextmanager
def single_threaded() -> Iterator[None]:
    """Two threads wait for each other in every small product: on two cores one alone is done sooner, at less cost."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1 if usual <= 2 else usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@dataclass(frozen=True)
class Models:
    """What is loaded once and serves any number of scenes."""

    pipeline: JointPipeline
    durations: DurationPredictor
    voices: VoiceBank
    device: str
    _alike: dict[bytes, ClonedVoice] = field(default_factory=dict)

    @classmethod
    def load(cls, device: str | None = None) -> Models:
        """The shipped models on a torch device; None = the GPU when there is one, else the CPU."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        pipeline = deferred_imports.lean(JointPipeline.from_pretrained).to(device)
        return cls(pipeline, DurationPredictor.from_pretrained(), VoiceBank.load(), device)

    def alike(self, clip: np.ndarray) -> ClonedVoice:
        """The voice of a clip (S,) at 24 kHz; the trial readings that it takes are made once for each clip."""
        key = hashlib.sha256(clip.tobytes()).digest()
        if key not in self._alike:
            with single_threaded():
                found = likeness(Audio(clip, SAMPLE_RATE), self.pipeline, self.durations, self.voices.octave)
            self._alike[key] = found
        return self._alike[key]


class Speech:
    """The model at work on one scene.

    Args:
        scene: a checked scene.
        folder: where its file names start.
        seed: in place of the scene's; None = the scene's.
        steps: sampling steps; None = the few of the distilled sampler.
        device: torch device; None = the GPU when there is one, else the CPU.
        models: loaded already; ``device`` then says nothing.
        speakers_only: in each piece only those who speak in it are made, the others are still: several times as quick.

    Attributes:
        made: share of what was performed last that did not come from kept pieces.
    """

    def __init__(
        self,
        scene: Scene,
        folder: Path,
        seed: int | None,
        steps: int | None,
        device: str | None,
        models: Models | None = None,
        speakers_only: bool = False,
    ) -> None:
        self._speakers_only = speakers_only
        self._models = models or Models.load(device)
        self.device = self._models.device
        self._scene, self._folder, self._steps = scene, folder, steps
        self.seed = scene.seed if seed is None else seed
        self._styles, self._habits = self._find_styles()
        self._voices, self._tones = self._find_voices(self._models.voices)
        self.made = 0.0

    def timeline(self) -> Timeline:
        """Every line pronounced, measured by the duration model, and placed.

        Raises:
            ValueError: times that cannot be met.
        """
        speakers = [
            Speaker(voice, language_of(self._scene, i), self._habits[i]) for i, voice in enumerate(self._voices)
        ]
        return build_timeline(self._scene, speakers, self._models.durations, partial(scene_recording, self._folder))

    @single_threaded()
    def perform(
        self,
        timeline: Timeline,
        routing: np.ndarray,
        sides: np.ndarray,
        work: Path,
        progress: Progress,
        wanted: Collection[str] | None = None,
    ) -> Performance:
        """Everybody's speech and motion over the whole scene.

        Args:
            timeline: of the scene.
            routing: (K, K) share of voice i in driving face j.
            sides: (K,) where each person sits, -1 (left) .. 1 (right).
            work: folder where finished pieces are kept, and found again.
            progress: told how far it is, asked whether to stop.
            wanted: ids of the lines that are needed; only their pieces are made, elsewhere is silence. None = all.

        Raises:
            Cancelled: stopped; the finished pieces stay.
        """
        segments = [s for s in split(timeline) if wanted is None or any(line.id in wanted for line in s.lines)]
        known = {line.id for segment in segments for line in segment.lines}
        retaken = [span for span in planned(self._scene, timeline) if span.line.id in known]
        whole = sum(segment.n_frames for segment in segments)
        parts, done = [], 0
        self.made = 0.0
        for number, segment in enumerate(segments, 1):
            note = f"part {number} of {len(segments)}"
            progress.rest()
            progress.update(done, whole, note)
            kept = work / f"{self._key(segment, routing, sides)}.npz"
            report = partial(_report, progress, done, segment.n_frames, whole, note)
            part = _load(kept)
            if part is None:
                part = self._perform(segment, routing, sides, report)
                _save(part, kept)
                self.made += segment.n_frames / whole
            inside = {line.id for line in segment.lines}
            spans = [span.shifted(-segment.start) for span in retaken if span.line.id in inside]
            parts.append(self._retaken(segment, part, spans, (routing, sides), kept, report))
            done += segment.n_frames
        _tidy(work)
        joined = join(segments, parts, timeline.n_frames)
        looking = with_scene_eyes(joined, self._scene, timeline, segments, sides, self.seed, retaken, self._habits)
        return through_keys(looking, retaken)

    def pieces(self, timeline: Timeline, routing: np.ndarray, sides: np.ndarray) -> dict[str, str]:
        """Name of the kept piece that holds each line, by the line's id; arguments as of :meth:`perform`."""
        keys = [(segment.lines, self._key(segment, routing, sides)) for segment in split(timeline)]
        return {line.id: key for lines, key in keys for line in lines}

    def _perform(
        self, segment: Segment, routing: np.ndarray, sides: np.ndarray, report: Callable[[int, int], None]
    ) -> Performance:
        people = _speakers(segment) if self._speakers_only else list(range(len(self._scene.cast)))
        segment, cast, membership = self._among(people, segment, routing, sides)
        part = self._models.pipeline(
            segment.lines,
            cast,
            segment.n_frames,
            membership=membership,
            seed=self.seed,
            sampling=Sampling(steps=self._steps),
            motion_conditions=self._idle(segment, cast),
            on_step=report,
        )
        made = dict(zip(people, part.characters, strict=True))
        still = np.zeros((segment.n_frames, N_CHANNELS), np.float32)
        silence = np.zeros(samples_from_frames(segment.n_frames), np.float32)
        everybody = (
            made.get(index) or CharacterPerformance(character.name, silence, MotionTrack(still))
            for index, character in enumerate(self._scene.cast)
        )
        return Performance(tuple(everybody), segment.n_frames)

    def _among(
        self, people: Sequence[int], segment: Segment, routing: np.ndarray, sides: np.ndarray
    ) -> tuple[Segment, list[CastMember], np.ndarray]:
        """The segment with some of the cast counted anew, these, and whose voice drives whom of them."""
        cast = [
            CastMember(
                self._scene.cast[i].name,
                self._voices[i],
                float(sides[i]),
                tuple(self._styles[i].items()),
                self._tones[i],
            )
            for i in people
        ]
        lines = tuple(replace(line, character=people.index(line.character)) for line in segment.lines)
        membership = np.repeat(routing[np.ix_(people, people)], segment.n_frames, axis=1)
        return replace(segment, lines=lines), cast, membership

    def _retaken(
        self,
        segment: Segment,
        part: Performance,
        spans: Sequence[KeyedSpan],
        geometry: tuple[np.ndarray, np.ndarray],
        kept: Path,
        report: Callable[[int, int], None],
    ) -> Performance:
        """A piece with the motion of some spans made again, each kept in a file of its own.

        Every span is made from the piece as it was, among its speakers: what listeners do stays as it is.
        """
        people = _speakers(segment)
        among, cast, membership = self._among(people, segment, *geometry)
        spoken = Performance(tuple(part.characters[i] for i in people), part.n_frames)
        parts = list(part.characters)
        for span in spans:
            what = hashlib.sha256(repr((kept.name, replace(span, line=span.line.id))).encode()).hexdigest()[:32]
            made = _load(kept.with_name(f"{what}.npz"))
            who = span.line.character
            if made is None:
                own = replace(span, line=replace(span.line, character=people.index(who)))
                sampling = Sampling(steps=self._steps)
                track = made_again(
                    self._models.pipeline, own, among.lines, cast, spoken, membership, self.seed, sampling, report
                )
                made = Performance((replace(part.characters[who], motion=track),), part.n_frames)
                _save(made, kept.with_name(f"{what}.npz"))
            values = faded(parts[who].motion.values, made.characters[0].motion.values, span.first, span.stop)
            parts[who] = replace(parts[who], motion=MotionTrack(values))
        return replace(part, characters=tuple(parts))

    def _idle(self, segment: Segment, cast: Sequence[CastMember]) -> list[Generate]:
        """Noise of the time in which each person does not speak, seeded by the piece too: no two pieces fidget alike.

        A line's own noise is the model's affair and depends on seed, person and line alone.
        """
        conditions = []
        for index, member in enumerate(cast):
            key = (self.seed, segment.lines[0].id, member.name, "idle")
            generator = torch.Generator().manual_seed(zlib.crc32(repr(key).encode()))
            noise = torch.randn((segment.n_frames, N_CHANNELS), generator=generator)
            at = 0
            own = [line for line in segment.lines if line.character == index]
            for line in sorted(own, key=lambda line: line.start):
                conditions.append(Generate(index, at, noise[at : line.start]))
                at = line.stop
            conditions.append(Generate(index, at, noise[at:]))
        return conditions

    def _find_voices(self, bank: VoiceBank) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        """A voice vector for each of the cast, for those who play recordings only the recording's own; and their tones.

        Styles that bring a voice of their own take its place, in step with their strength.
        """
        adapters = self._models.pipeline.adapters
        voices, tones = [], []
        for character, styles in zip(self._scene.cast, self._styles, strict=True):
            voice, tone = np.zeros_like(bank.octave), None
            if character.voice is None:
                name = character.name.casefold()
                own = [line.recording for line in self._scene.script if line.who.casefold() == name]
                if clip := next(filter(None, own), None):
                    voice = speaker_embedding_from_clip(Audio(scene_recording(self._folder, clip), SAMPLE_RATE))
            elif character.voice.clip is not None:
                alike = self._models.alike(scene_recording(self._folder, character.voice.clip))
                voice, tone = alike.vector, np.float32(adapters.voice_left(styles)) * alike.tone
            elif character.voice.preset is not None:
                voice = bank.vector(character.voice.preset)
            voices.append(adapters.voiced(voice, styles))
            tones.append(tone)
        return voices, tones

    def _find_styles(self) -> tuple[list[dict[str, float]], list[Delivery]]:
        """Each one's adapters with their strengths, loaded and known by the hash of their file; and their habits.

        Raises:
            ValueError: a style that cannot be used.
            RuntimeError: an adapter's file that is damaged.
        """
        adapters = self._models.pipeline.adapters
        styles, habits = [], []
        for character in self._scene.cast:
            found = [(read_style(name, self._folder), s) for name, s in character.styles.items() if s > 0]
            for about, _ in found:
                if (key := fingerprint(about.path)) not in adapters.names:
                    adapters.load(key, about.path)
            styles.append({fingerprint(about.path): strength for about, strength in found})
            habits.append(mixed((about.habits, strength) for about, strength in found))
        return styles, habits

    def _key(self, segment: Segment, *geometry: np.ndarray) -> str:
        """Hash of all that the piece depends on."""
        root = assets.assets_root()
        weights = sorted(path for path in root.glob("**/*.safetensors") if path.parent != root / "adapters")
        model = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
        names = [character.name for character in self._scene.cast]
        how = (segment.key, names, self.seed, self._steps, self._speakers_only, self.device, model, self._styles)
        digest = hashlib.sha256(repr(how).encode())
        for array in (*self._voices, *filter(lambda tone: tone is not None, self._tones), *geometry):
            digest.update(array.tobytes())
        return digest.hexdigest()[:32]


def _speakers(segment: Segment) -> list[int]:
    return sorted({line.character for line in segment.lines})


def _report(progress: Progress, before: int, n_frames: int, whole: int, note: str, step: int, steps: int) -> None:
    progress.update(before + n_frames * step / steps, whole, note)


def _save(part: Performance, path: Path) -> None:
    arrays = {"n_frames": np.array(part.n_frames), "names": np.array([c.name for c in part.characters])}
    for index, character in enumerate(part.characters):
        arrays |= {f"speech{index}": character.speech, f"motion{index}": character.motion.values}
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    write_whole({path: packed.getvalue()}, durable=False)


def _load(path: Path) -> Performance | None:
    """A kept piece; None when there is none, or when it cannot be read any more."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            path.touch()
            parts = [
                CharacterPerformance(str(name), kept[f"speech{i}"], MotionTrack(kept[f"motion{i}"]))
                for i, name in enumerate(kept["names"])
            ]
            return Performance(tuple(parts), int(kept["n_frames"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        log.warning("A kept piece of the work folder is damaged and is made again: %s", path.name)
        return None


def _tidy(work: Path) -> None:
    """Keep the newest pieces, up to half a gigabyte."""
    total = 0
    for path in sorted(work.glob("*.npz"), key=lambda item: item.stat().st_mtime, reverse=True):
        total += path.stat().st_size
        if total > MAX_WORK_BYTES:
            path.unlink()
