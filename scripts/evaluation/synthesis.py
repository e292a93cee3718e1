"""Speech and motion from the shipped weights, one line at a time as the studio makes them, cached between runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import process_time

import numpy as np
import torch

from generation.audio.mel import mel_spectrogram
from generation.core.clock import MELS_PER_FRAME, SAMPLES_PER_FRAME, samples_from_frames, seconds_from_frames
from generation.core.performance import CastMember, Line
from generation.core.result_key import made_by, result_key
from generation.models.duration_predictor import DurationPredictor
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling
from generation.text.phonemizer import phonemize
from generation.voices.bank import VoiceBank
from generation.voices.cloning import ClonedVoice
from scripts.evaluation.cache import keep
from studio.performance.models import Models, single_threaded
from studio.timeline.segments import FADE


@dataclass(frozen=True)
class Take:
    """One line as the model performs it, with idle time before and after.

    Attributes:
        phonemes: symbols that the model was told.
        durations: mel frames of each.
        start: video frame in which the line begins.
        speech: (960 T,) float32, 24 kHz.
        motion: (T, 57) float32.
        seconds: of one core's work in durations, sampling, vocoder.
    """

    phonemes: str
    durations: tuple[int, ...]
    start: int
    speech: np.ndarray
    motion: np.ndarray
    seconds: tuple[float, float, float]

    @property
    def line(self) -> np.ndarray:
        """The line's own sound, (960 n,)."""
        n_frames = sum(self.durations) // MELS_PER_FRAME
        return self.speech[samples_from_frames(self.start) : samples_from_frames(self.start + n_frames)]

    @property
    def length(self) -> float:
        """Seconds of video."""
        return seconds_from_frames(len(self.motion))


class Synthesis:
    """The shipped models; what they made is kept under ``kept`` by weights, code and request.

    Args:
        kept: folder of finished takes.
        steps: of the full sampler; None = the sampler that ships, the distilled one if the weights have it.
    """

    def __init__(self, kept: Path, steps: int | None = None) -> None:
        self.steps = steps
        self.weights = made_by(__name__)[:16]
        self._kept = kept / self.weights
        self.bank = VoiceBank.load()

    @property
    def sampling(self) -> Sampling:
        """How everything here is sampled."""
        return Sampling(steps=self.steps)

    @cached_property
    def pipeline(self) -> JointPipeline:
        """The joint pipeline, on the GPU when there is one."""
        return JointPipeline.from_pretrained().to("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def models(self) -> Models:
        """The same models as the studio wants them."""
        return Models(self.pipeline, self._durations, self.bank, str(self.pipeline.device))

    @cached_property
    def _durations(self) -> DurationPredictor:
        return DurationPredictor.from_pretrained()

    def speak(
        self, text: str, voice: str, seed: int, cloned: ClonedVoice | None = None, language: str | None = None
    ) -> Take:
        """Text to sound and motion, lengths from the duration model.

        Args:
            text: to be said.
            voice: of the corpus, spoken by the preset that was learned from it.
            seed: of the noise.
            cloned: a voice from a clip in place of the preset's; then ``voice`` only tells the accent.
            language: of the text, by its name in eSpeak NG; None = English, in the voice's accent.
        """
        cloned = cloned or ClonedVoice(self.preset(voice), None)
        began = process_time()
        language = language or ("en-gb" if voice.startswith("b") else "en-us")
        phonemes = f" {phonemize(text, language)} "
        durations = self._durations.predict(phonemes, cloned.embedding, seed=seed, language=language)
        return self._take(phonemes, durations, cloned, seed, None, process_time() - began, language)

    def preset(self, voice: str) -> np.ndarray:
        """Vector (64,) of the preset that was learned from a voice of the corpus."""
        return next(p.embedding for p in self.bank.presets.values() if p.trained_on == voice)

    def vocoded(self, waveform: np.ndarray) -> np.ndarray:
        """A recording's mel spectrogram made sound again by the shipped vocoder, (S,) at 24 kHz."""
        path = self._kept / f"vocoded_{result_key(waveform)}.npy"
        if not path.is_file():
            vocoder = self.pipeline.vocoder
            mel = mel_spectrogram(torch.from_numpy(waveform))[None]
            keep(path, vocoder.decode(mel.to(vocoder.device))[0].cpu().numpy().clip(-1, 1))
        return np.load(path)

    def play(
        self,
        waveform: np.ndarray,
        voice: np.ndarray,
        seed: int,
        phonemes: str = " ",
        durations: tuple[int, ...] | None = None,
    ) -> Take:
        """A recording (960 n,) to motion; without phonemes the words are unknown to the model.

        Args:
            waveform: float32, 24 kHz.
            voice: (64,) of the bank or of a clip.
            seed: of the noise.
            phonemes: what the model is told is said.
            durations: mel frames of each, 4 n in all.
        """
        durations = durations or (len(waveform) // SAMPLES_PER_FRAME * MELS_PER_FRAME,)
        return self._take(phonemes, durations, ClonedVoice(voice, None), seed, waveform, 0.0)

    def _take(
        self,
        phonemes: str,
        durations: tuple[int, ...],
        voice: ClonedVoice,
        seed: int,
        recording: np.ndarray | None,
        spent: float,
        language: str = "en-us",
    ) -> Take:
        key = result_key(phonemes, durations, seed, self.steps, voice.embedding, voice.timbre, recording, language)
        path = self._kept / f"{key}.npz"
        if path.is_file():
            with np.load(path) as kept:
                return Take(phonemes, durations, FADE, kept["speech"], kept["motion"], tuple(kept["seconds"].tolist()))
        line = Line("line", 0, FADE, sum(durations) // MELS_PER_FRAME, phonemes, durations, recording, language)
        marks = [process_time()]
        with single_threaded():
            part = self.pipeline(
                [line],
                [CastMember("SPEAKER", voice.embedding, timbre=voice.timbre)],
                line.n_frames + 2 * FADE,
                seed=seed,
                sampling=self.sampling,
                on_step=lambda done, total: marks.append(process_time()),
            ).characters[0]
        seconds = (spent, marks[-1] - marks[0], process_time() - marks[-1])
        keep(path, {"speech": part.speech, "motion": part.motion.values, "seconds": np.array(seconds)})
        return Take(phonemes, durations, FADE, part.speech, part.motion.values, seconds)
