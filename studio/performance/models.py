"""The trained models of speech and motion, loaded once for any number of scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from generation.audio.waveform import Audio
from generation.core.clock import FPS, MELS_PER_FRAME, SAMPLE_RATE, SAMPLES_PER_FRAME, samples_from_frames
from generation.core.deferred_imports import with_deferred_imports
from generation.core.performance import AS_SPOKEN, CastMember, Line
from generation.core.result_key import result_key
from generation.models.duration_predictor import DurationPredictor
from generation.pipeline.forced_alignment import UNLIKE, ForcedAligner
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling
from generation.recordings.recorded_speech import find_speech
from generation.voices.bank import VoiceBank, speaker_embedding_from_clip
from generation.voices.cloning import ClonedVoice, clone_voice
from generation.voices.conversion import converted_line, sung_line
from studio.timeline.timeline import Timeline

MOST_ALIGNED = 30.0
"""Seconds of a recording that is laid on its words, as of the clips of fine-tuning."""
_AROUND = 0.12
"""Seconds of silence that are kept around its speech."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run torch on one thread where there are at most two.

    Two threads wait for each other in every small product: on two cores one alone is done sooner, at less cost.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1 if usual <= 2 else usual)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@dataclass(frozen=True)
class Models:
    """Models that are loaded once for any number of scenes."""

    pipeline: JointPipeline
    durations: DurationPredictor
    voices: VoiceBank
    device: str
    _cloned: dict[bytes, ClonedVoice] = field(default_factory=dict)
    _aligned: dict[bytes, tuple[int, ...] | None] = field(default_factory=dict)
    _given: dict[str, Line] = field(default_factory=dict)

    @classmethod
    def load(cls, device: str | None = None) -> Models:
        """The shipped models on a torch device; None = the GPU when there is one, else the CPU."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        pipeline = with_deferred_imports(JointPipeline.from_pretrained).to(device)
        return cls(pipeline, DurationPredictor.from_pretrained(), VoiceBank.load(), device)

    def cloned(self, clip: np.ndarray) -> ClonedVoice:
        """The voice of a clip (S,) float32 at 24 kHz; its trial syntheses are made once for each clip."""
        key = hashlib.sha256(clip.tobytes()).digest()
        if key not in self._cloned:
            with single_threaded():
                voice = clone_voice(Audio(clip, SAMPLE_RATE), self.pipeline, self.durations, self.voices.octave)
            self._cloned[key] = voice
        return self._cloned[key]

    def times_of_words(self, recording: np.ndarray, phonemes: str) -> tuple[int, ...] | None:
        """When a recording says its words, found once for each recording and text.

        Args:
            recording: (960 n,) float32 at 24 kHz.
            phonemes: what it says, a pause at both ends included.

        Returns:
            Mel frames of each symbol, which sum to those of the recording; None where it says something else, nobody
            speaks in it, or it is longer than is laid on words at once.
        """
        key = hashlib.sha256(recording.tobytes() + phonemes.encode()).digest()
        if key not in self._aligned:
            with single_threaded():
                self._aligned[key] = self._align(recording, phonemes)
        return self._aligned[key]

    def with_own_voices(
        self, timeline: Timeline, converted: Collection[str], cast: Sequence[CastMember], seed: int, steps: int | None
    ) -> Timeline:
        """A timeline whose songs are sung and whose converted recordings are said by their speakers' voices.

        Each is spoken alone first, once for each line, voice and seed, and given the melody; what comes of it is the
        line's recording, which lips follow.

        Args:
            timeline: with adapters and prosodies.
            converted: ids of the recorded lines that are to be converted.
            cast: everybody of the scene.
            seed: of the noise.
            steps: sampling steps; None = those of the sampler that ships.
        """

        def speak(line: Line, member: CastMember) -> np.ndarray:
            plain = replace(line, prosody=AS_SPOKEN)
            with single_threaded():
                made = self.pipeline([plain], [member], line.n_frames, seed=seed, sampling=Sampling(steps=steps))
            return made.characters[0].speech

        def given(line: Line, of: str) -> Line:
            if line.melody is None and of not in converted:
                return line
            member = cast[line.character]
            arrays = (line.melody, line.recording, member.voice, member.timbre)
            known = [np.zeros(0) if array is None else array for array in arrays]
            plain = replace(line, start=0, melody=None, recording=None, prosody=AS_SPOKEN)
            key = result_key("", (repr(plain), member.name, member.adapters, seed, steps), *known)
            if key not in self._given:
                made = (
                    converted_line(line, member, speak)
                    if of in converted
                    else sung_line(line, member, speak, self.durations)
                )
                self._given[key] = made
            made = self._given[key]
            return replace(made, start=line.start, prosody=line.prosody)

        lines = tuple(given(line, line.id) for line in timeline.lines)
        together = {of: tuple(given(o, of) for o in others) for of, others in timeline.together.items()}
        return replace(timeline, lines=lines, together=together)

    def _align(self, recording: np.ndarray, phonemes: str) -> tuple[int, ...] | None:
        spoken = np.flatnonzero(find_speech(recording).speaks)
        if not len(spoken) or len(recording) > MOST_ALIGNED * SAMPLE_RATE:
            return None
        n_frames = len(recording) // SAMPLES_PER_FRAME
        margin = round(_AROUND * FPS)
        first = max(0, int(spoken[0]) // MELS_PER_FRAME - margin)
        stop = min(n_frames, int(spoken[-1]) // MELS_PER_FRAME + 1 + margin)
        sound = recording[samples_from_frames(first) : samples_from_frames(stop)]
        try:
            voice = speaker_embedding_from_clip(Audio(sound, SAMPLE_RATE))
            found = ForcedAligner(self.pipeline.transformer, self.durations).align(sound, phonemes, voice)
        except ValueError:  # too short for a voice or for so many words
            return None
        if found.distance > UNLIKE:
            return None
        before, after = MELS_PER_FRAME * first, MELS_PER_FRAME * (n_frames - stop)
        head, *middle, tail = found.durations
        return (head + before, *middle, tail + after)
