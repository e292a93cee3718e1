"""Reads a folder of clips for fine-tuning: cut, aligned and tracked, with the reason for each that is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from generation.adapters.metadata import Part
from generation.audio.clip_quality import assess_excerpt
from generation.audio.effects import pitch_curve
from generation.audio.voice_activity import speech_frames
from generation.audio.waveform import Audio, load_audio
from generation.core.clock import (
    FPS,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    frames_covering_samples,
    samples_from_frames,
)
from generation.core.motion import CHANNELS
from generation.data.clips import Clip
from generation.data.corpus import durations_on_grid
from generation.finetuning.sentence_split import cut
from generation.finetuning.transcription import TranscribedSegment, Transcriber
from generation.motion.motion_files import read_motion_file
from generation.motion.video_tracking import face_fault, track_video
from generation.pipeline.forced_alignment import UNLIKE, ForcedAligner
from generation.text.phoneme_sequence import PAUSE
from generation.text.phonemizer import phonemize
from generation.voices.bank import speaker_embedding_from_clip

SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
MOTIONS = (".csv", ".json")
LEAST_SECONDS, MOST_SECONDS = 1.5, 30.0
LEAST_TOTAL = 20.0
"""Seconds of usable material below which nothing is learnt but the clips themselves."""
_LEAST_SPEECH = 0.8
_EDGE = 0.12
"""Seconds of silence kept on either side of a clip's speech."""
_LEAST_VOICED = 0.08
_ARRAYS = ("waveform", "motion")


@dataclass(frozen=True)
class TrainingClips:
    """Training clips of a folder, with faults and warnings.

    Attributes:
        clips: those that can be used.
        faults: one sentence for each clip that cannot, with its name and what to do.
        warnings: the same of clips that are used all the same.
    """

    clips: tuple[Clip, ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Length of all usable clips."""
        return sum(clip.n_frames for clip in self.clips) / FPS

    def require_enough(self) -> None:
        """Refuses too little material.

        Raises:
            ValueError: fewer than two clips, or too few seconds.
        """
        if len(self.clips) < 2 or self.seconds < LEAST_TOTAL:
            found = f"{len(self.clips)} usable clips of together {self.seconds:.0f} s"
            raise ValueError(f"The material is too little: {found}; two clips and {LEAST_TOTAL:g} s are the least.")


class ClipReader:
    """Reads a folder.

    Args:
        part: what is to be learnt from it: ``audio`` needs sound with words, ``motion`` motion, ``joint`` both.
        aligner: lays words on sound.
        language: in which the words are pronounced.
        transcribe: hears the words of what has no text; None = such clips are faulty.
        on_progress: told before each piece of a clip how much of the folder was read; what it raises ends the reading.
    """

    def __init__(
        self,
        part: Part,
        aligner: ForcedAligner,
        language: str,
        transcribe: Transcriber | None,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> None:
        self._part, self._aligner, self._language, self._transcribe = part, aligner, language, transcribe
        self._on_progress = on_progress

    def read(self, folder: Path) -> TrainingClips:
        """All clips of a folder, or of the corpus whose ``manifest.jsonl`` lies in it.

        Raises:
            ValueError: no folder, or nothing in it that could be a clip.
        """
        if not folder.is_dir():
            raise ValueError(f"The material {folder.name!r} is no folder; name one with clips in it.")
        if (folder / "manifest.jsonl").is_file():
            return TrainingClips(tuple(_corpus_clips(folder)), (), ())
        sources = [_Source(folder, stem) for stem in sorted({path.stem for path in folder.iterdir() if _is_clip(path)})]
        if not sources:
            raise ValueError(f"The folder {folder.name!r} has no clips: sound, video, or motion as .csv or .json.")
        clips: list[Clip] = []
        faults: list[str] = []
        warnings: list[str] = []
        for number, source in enumerate(sources):

            def on_progress(inside: float, number: int = number) -> None:
                self._on_progress((number + inside) / len(sources))

            try:
                clips += self._clips(source, warnings, on_progress)
            except ValueError as error:
                faults.append(_about(source.name, str(error)))
        return TrainingClips(tuple(clips), tuple(faults), tuple(warnings))

    def _clips(self, source: _Source, warnings: list[str], on_progress: Callable[[float], None]) -> Iterator[Clip]:
        """The clips of one source; a ValueError says why there are none."""
        on_progress(0.0)
        if self._part != "audio" and source.motion_file is None and source.video is None:
            raise ValueError("has no motion; use a video of the speaker, or an ARKit recording (.csv) beside it")
        if self._part != "motion" and source.sound_file is None:
            raise ValueError("has no sound; a voice is learnt from speech")
        motion = source.motion if self._part != "audio" else None
        if source.sound_file is None:
            assert motion is not None
            if len(motion) < LEAST_SECONDS * FPS:
                raise ValueError(f"lasts {len(motion) / FPS:.1f} s; use at least {LEAST_SECONDS:g} s")
            yield Clip(source.name, len(motion), motion=motion)
            return
        waveform = load_audio(source.sound_file).waveform
        faults = []
        pieces = self._pieces(source, waveform)
        for number, piece in enumerate(pieces, 1):
            name = source.name if len(pieces) == 1 else f"{source.name} ({number})"
            on_progress((number - 1) / len(pieces))
            try:
                yield self._clip(name, waveform, piece, motion, warnings)
            except ValueError as error:
                faults.append((name, str(error)))
        if len(faults) == len(pieces):
            raise ValueError(faults[0][1])
        warnings += [f"{name} {reason}; this piece is left out." for name, reason in faults]

    def _pieces(self, source: _Source, waveform: np.ndarray) -> list[TranscribedSegment]:
        """The stretches of a recording with their words."""
        seconds = len(waveform) / SAMPLE_RATE
        if seconds < LEAST_SECONDS:
            raise ValueError(f"lasts {seconds:.1f} s; use at least {LEAST_SECONDS:g} s")
        if source.text is not None:
            if seconds <= MOST_SECONDS:
                return [TranscribedSegment(0.0, seconds, source.text)]
            pieces = _fit(cut(waveform, source.text))
            if not pieces:
                raise ValueError(f"lasts {seconds:.0f} s; cut it into clips of at most {MOST_SECONDS:g} s, a text each")
            return pieces
        if self._part == "motion":
            return [TranscribedSegment(0.0, seconds, "")]
        if self._transcribe is None:
            raise ValueError(f"has no words; write them into {source.name}.txt beside it, or install faster-whisper")
        heard = _fit(self._transcribe(waveform))
        if not heard:
            raise ValueError("holds no words that can be heard; use clips in which somebody speaks")
        return heard

    def _clip(
        self, name: str, waveform: np.ndarray, piece: TranscribedSegment, motion: np.ndarray | None, warnings: list[str]
    ) -> Clip:
        """One piece: examined, trimmed, laid on its words, with its motion."""
        first, last = (round(time * FPS) for time in (piece.start, piece.stop))
        sound = waveform[samples_from_frames(first) : samples_from_frames(last)]
        found = assess_excerpt(Audio(sound, SAMPLE_RATE), _LEAST_SPEECH)
        if found.problems:
            raise ValueError("; it ".join(found.problems))
        curve = pitch_curve(sound)
        if curve is None or curve[1].mean() < _LEAST_VOICED:
            raise ValueError("holds no voice; use clips in which somebody speaks")
        warnings += [f"{name} {sentence}." for sentence in found.warnings]
        if self._part != "motion":
            first, last = _trimmed(sound, first)
        if motion is not None:
            last = min(last, len(motion))
        n_frames = last - first
        sound = waveform[samples_from_frames(first) : samples_from_frames(last)]
        sound = np.pad(sound, (0, samples_from_frames(n_frames) - len(sound)))
        phonemes = ""
        durations: tuple[int, ...] = ()
        if piece.text:
            phonemes = f" {phonemize(piece.text, self._language)} "
            voice = speaker_embedding_from_clip(Audio(sound, SAMPLE_RATE))
            laid = self._aligner.align(sound, phonemes, voice, self._language)
            if laid.distance > UNLIKE:
                raise ValueError("does not say the words that are written for it; correct its text")
            durations = laid.durations
        kept = None if motion is None else motion[first:last]
        return Clip(name, n_frames, sound, phonemes, durations, kept, piece.text, self._language)


@dataclass(frozen=True)
class _Source:
    """Files of one name: sound or video, words, motion."""

    folder: Path
    name: str
    _files: dict[str, Path] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.iterdir()):
            if path.stem == self.name and path.is_file():
                self._files[path.suffix.lower()] = path

    def _first(self, suffixes: tuple[str, ...]) -> Path | None:
        return next((self._files[suffix] for suffix in suffixes if suffix in self._files), None)

    @property
    def video(self) -> Path | None:
        return self._first(VIDEOS)

    @property
    def sound_file(self) -> Path | None:
        return self._first(SOUNDS) or self.video

    @property
    def motion_file(self) -> Path | None:
        return self._first(MOTIONS)

    @property
    def text(self) -> str | None:
        """Its words, on one line; None without a file of them."""
        path = self._files.get(".txt")
        if path is None:
            return None
        try:
            words = " ".join(path.read_text(encoding="utf-8-sig").split())
        except UnicodeDecodeError:
            raise ValueError(f"{path.name} is not UTF-8 text; save it as UTF-8") from None
        if not words:
            raise ValueError(f"{path.name} is empty; write what is said, or remove it")
        return words

    @cached_property
    def motion(self) -> np.ndarray:
        """(T, 57) from the motion file, or tracked in the video."""
        if self.motion_file is not None:
            given = read_motion_file(self.motion_file)
            if reason := given.lacking(CHANNELS):
                raise ValueError(reason)
            return given.track.values
        assert self.video is not None
        if reason := face_fault(self.video):
            raise ValueError(reason)
        return track_video(self.video).values


def _about(name: str, sentence: str) -> str:
    """A sentence about a clip that names it: ours come without a subject, those of readers with their own."""
    sentence = sentence.removesuffix(".")
    if sentence.startswith(f"{name}.") or (sentence[0].isupper() and f"{name}." in sentence):
        return f"{sentence}."
    return f"{name}: {sentence}." if sentence[0].isupper() else f"{name} {sentence}."


def _fit(pieces: Sequence[TranscribedSegment]) -> list[TranscribedSegment]:
    """Those that are neither too short nor too long."""
    return [piece for piece in pieces if LEAST_SECONDS <= piece.stop - piece.start <= MOST_SECONDS]


def _is_clip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (*SOUNDS, *VIDEOS, *MOTIONS) and not path.name.startswith(".")


def _trimmed(sound: np.ndarray, first: int) -> tuple[int, int]:
    """First video frame of a stretch's speech and the one after its last, with a little silence on either side."""
    speech = speech_frames(sound[: len(sound) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME])
    spoken = np.flatnonzero(speech)
    margin = round(_EDGE * FPS)
    return first + max(0, int(spoken[0]) - margin), first + min(len(speech), int(spoken[-1]) + 1 + margin)


def _corpus_clips(folder: Path) -> Iterator[Clip]:
    """Utterances of a corpus with the manifest of ``scripts/build_corpus.py``, whose times are known."""
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sound = load_audio(folder / "audio" / f"{row['id']}.opus").waveform
        n_frames = frames_covering_samples(len(sound))
        padded = np.pad(sound, (0, samples_from_frames(n_frames) - len(sound)))
        durations = durations_on_grid(row["durations"], n_frames)
        yield Clip(row["id"], n_frames, padded, PAUSE + row["phonemes"] + PAUSE, durations)


def write_clips(path: Path, clips: Sequence[Clip]) -> None:
    """Keep clips in a file, as they were read; :func:`read_clips` gives them back."""
    arrays = {f"{i} {name}": value for i, clip in enumerate(clips) for name, value in _arrays(clip).items()}
    facts = [{key: value for key, value in vars(clip).items() if key not in _ARRAYS} for clip in clips]
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)


def read_clips(path: Path) -> tuple[Clip, ...]:
    """The clips that :func:`write_clips` kept."""
    with np.load(path) as kept:
        facts = json.loads(str(kept["facts"]))
        arrays = [{name: kept[key] for name in _ARRAYS if (key := f"{i} {name}") in kept} for i in range(len(facts))]
    return tuple(
        Clip(**{**fact, "durations": tuple(fact["durations"]), **own}) for fact, own in zip(facts, arrays, strict=True)
    )


def _arrays(clip: Clip) -> dict[str, np.ndarray]:
    return {name: value for name in _ARRAYS if (value := getattr(clip, name)) is not None}


def common_voice(clips: tuple[Clip, ...]) -> np.ndarray:
    """Speaker embedding (64,) of the person who speaks in all clips: the mean of theirs, longer ones counting more."""
    spoken = [(clip.waveform, clip.n_frames) for clip in clips if clip.waveform is not None]
    embeddings = np.stack([speaker_embedding_from_clip(Audio(waveform, SAMPLE_RATE)) for waveform, _ in spoken])
    lengths = np.array([n_frames for _, n_frames in spoken], np.float64)
    return (embeddings * (lengths / lengths.sum())[:, None]).sum(0).astype(np.float32)
