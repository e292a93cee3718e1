"""Training batches of the joint model: crops of the corpus with motion, listener conditioning and dropout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from generation.audio.voice_activity import voice_level
from generation.core.clock import MELS_PER_FRAME
from generation.core.motion import INDEX, MOUTH, N_CHANNELS
from generation.data.corpus import SpeechCorpus, Utterance
from generation.models.joint_inputs import AUDIO_CHANNELS, HEARD_CHANNELS, JointInputs
from generation.models.normalizer import LatentNormalizer
from generation.motion.gaze import Cues
from generation.motion.gestures import gestures, stress_track
from generation.text.languages import LANGUAGE_INDEX
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL, silent_symbols, timed_symbols
from generation.text.timed_phonemes import TimedPhonemes

WORSENED_SHARE = 0.3
"""Of recordings that are given whole, those with other sounds in them."""
HELD_OUT_VOICES = ("af_aoede", "am_puck", "bf_isabella", "bm_lewis")


@dataclass
class Batch:
    """A training batch, K = 1; audio and motion normalised.

    Attributes:
        audio: (B, 1, T, 400).
        motion: (B, 1, T, 57).
        symbols: (B, 1, 4 T) int64.
        phoneme_position: (B, 1, 4 T, 2).
        voices: (B, 1, V) weights of the voice table; all zero = dropped.
        audio_given: (B, 1, T).
        motion_given: (B, 1, T).
        heard: (B, 1, T, 402).
        share: (B, 1, T); 0 = no audio reaches the face.
        line_numbers: (B, 1, T) int64.
        language: (B, 1) int64 row of the language.
    """

    audio: Tensor
    motion: Tensor
    symbols: Tensor
    phoneme_position: Tensor
    voices: Tensor
    audio_given: Tensor
    motion_given: Tensor
    heard: Tensor
    share: Tensor
    line_numbers: Tensor
    language: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def inputs(self, table: Tensor, audio: Tensor, motion: Tensor | None, sigma: Tensor) -> JointInputs:
        """Inputs of the network for the batch.

        Args:
            table: (rows, voice_dim) speaker embedding table.
            audio: (B, 1, T, 400) at its noise level.
            motion: (B, 1, T, 57) at its noise level; None = the audio stream alone.
            sigma: (B,) noise level.
        """
        known = self.voices.sum(-1, keepdim=True).clamp(max=1)
        told = JointInputs(
            audio=audio, sigma=sigma, symbols=self.symbols, phoneme_position=self.phoneme_position,
            voice=torch.cat((self.voices @ table, known), -1), audio_given=self.audio_given, motion=motion,
            motion_given=self.motion_given, heard=self.heard, share=self.share, line_numbers=self.line_numbers,
            language=self.language[..., None],
        )  # fmt: skip
        return told.without_motion() if motion is None else told

    def joined(self, other: Batch) -> Batch:
        """The examples of both."""
        return Batch(**{f.name: torch.cat((getattr(self, f.name), getattr(other, f.name))) for f in fields(self)})


@dataclass
class Heard:
    """Somebody else's speech in T frames of an example.

    Attributes:
        sound: (T, 402), listener conditioning.
        level: (T,) of their voice, 0..1.
        side: (T,) where they are, -1 (left) .. 1 (right); 0 while they do not speak.
        utterance: from its beginning; None = nobody speaks.
        span: frames in which it is heard.
    """

    sound: np.ndarray
    level: np.ndarray
    side: np.ndarray
    utterance: Utterance | None
    span: slice

    def moved(self, frames: int) -> Heard:
        """The same so many frames earlier, what falls out at the front put to the end."""
        sound, level, side = (np.roll(x, -frames, axis=0) for x in (self.sound, self.level, self.side))
        return Heard(sound, level, side, self.utterance, slice(self.span.start - frames, self.span.stop - frames))


def corpus_voices(features: SpeechCorpus) -> list[str]:
    """Rows of the voice table: every voice of the corpus that is not kept for tests."""
    return sorted({v for u in features.utterances for v in u.voices} - set(HELD_OUT_VOICES))


def measure_normalizer(
    features: SpeechCorpus, real_motion: np.ndarray, labels: np.ndarray | None = None, n_samples: int = 300
) -> LatentNormalizer:
    """Statistics of the training recordings, of lips, and of the gestures' generators.

    Spreads have a floor, so that channels which hardly move are not blown up.

    Args:
        features: the corpus.
        real_motion: (T, 57) tracked lips: their means, and spreads where they are wider than the labels'.
        labels: (frames, 57) lips of the corpus.
        n_samples: recordings that the spectrum is measured on.
    """
    train = features.split("train")
    mel = np.concatenate([features.mel_of(u) for u in train[:: max(1, len(train) // n_samples)]])
    rng = np.random.default_rng(0)
    made = []
    for seed in range(40):
        speaking = np.repeat(rng.integers(0, 2, 10), 25).astype(np.float32)
        stress = (rng.random(250) < 0.08) * speaking
        made.append(gestures(Cues(stress.astype(np.float32), speaking, 1 - speaking, np.zeros(250, np.float32)), seed))
    motion_mean, motion_std = np.concatenate(made).mean(0), np.concatenate(made).std(0)
    lips = [INDEX[name] for name in MOUTH]
    motion_mean[lips], motion_std[lips] = real_motion[:, lips].mean(0), real_motion[:, lips].std(0)
    if labels is not None:
        motion_std[lips] = np.maximum(motion_std[lips], labels[::7, lips].astype(np.float32).std(0))
    return LatentNormalizer(mel.mean(0), mel.std(0).clip(0.1), motion_mean, motion_std.clip(0.02))


class JointDataset:
    """Draws batches; the same generator state gives the same batch.

    Attributes:
        batch_type: what is drawn: a class of batch with a tensor for each array of an example.

    Args:
        features: the corpus.
        labels: (total frames, 57) lip motion of the corpus, or None: then motion is zero and only audio can be learnt.
        normalizer: statistics.
        voice_names: rows of the voice table.
        n_frames: length of a crop in video frames.
        worsened: of given recordings, with other sounds in them, as users bring them: the sound (S,) of an utterance
            -> log-mel (4 T, 100) of what is heard of its speech. None = all are given as they are.
    """

    batch_type: type[Batch] = Batch

    def __init__(
        self,
        features: SpeechCorpus,
        labels: np.ndarray | None,
        normalizer: LatentNormalizer,
        voice_names: list[str],
        n_frames: int = 150,
        worsened: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    ) -> None:
        self.features = features
        self.worsened = worsened
        self.labels = labels
        self.normalizer = normalizer
        self.voice_index = {name: i for i, name in enumerate(voice_names)}
        self.n_frames = n_frames
        self.utterances = [u for u in features.split("train") if not set(u.voices) & set(HELD_OUT_VOICES)]
        self.chances = np.cumsum(language_chances(self.utterances))

    def batch(self, size: int, generator: torch.Generator, recordings: float = 0.25) -> Batch:
        """``size`` examples, of which the share ``recordings`` has all of its sound given."""
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        rows = [self._example(rng, recordings) for _ in range(size)]
        names = [f.name for f in fields(self.batch_type)]
        return self.batch_type(**{n: torch.from_numpy(np.stack([r[n] for r in rows])[:, None]) for n in names})

    def _draw(self, rng: np.random.Generator) -> Utterance:
        return self.utterances[int(np.searchsorted(self.chances, rng.random()))]

    def _example(self, rng: np.random.Generator, recordings: float) -> dict[str, np.ndarray]:
        n = self.n_frames
        turn = int(n * rng.uniform(0.3, 0.7)) if rng.random() < 0.25 else n
        own = self._draw(rng)
        take = min(turn, own.n_frames)
        skip = int(rng.integers(own.n_frames - take + 1))
        at = int(rng.integers(turn - take + 1))
        heard = self._heard(rng, n, turn)
        if turn < n and rng.random() < 0.5:
            at += n - turn
            heard = heard.moved(turn)
        ids, phoneme_position = silent_symbols(MELS_PER_FRAME * n)
        audio = self.normalizer.silence(n)
        span, mels = slice(at, at + take), slice(MELS_PER_FRAME * at, MELS_PER_FRAME * (at + take))
        cut = slice(MELS_PER_FRAME * skip, MELS_PER_FRAME * (skip + take))
        own_ids, own_place = timed_symbols(own.phonemes, own.durations)
        ids[mels], phoneme_position[mels] = own_ids[cut], own_place[cut]
        mel = self.features.mel_of(own)
        audio[span] = self.normalizer.audio(mel[cut])
        motion = self._motion(own, slice(skip, skip + take), mel, span, heard.level, heard.side, rng)
        spoken = np.zeros(n, np.float32)
        spoken[span] = voice_level(mel)[skip : skip + take]
        given, motion_given = _given(rng, span, n, recordings)
        if self.worsened and given.all() and rng.random() < WORSENED_SHARE:
            # Given frames are no target: lips are asked of the recording with its clean labels.
            audio[span] = self.normalizer.audio(self.worsened(self.features.wave_of(own), rng)[cut])
        voices = np.zeros(len(self.voice_index), np.float32)
        for name, weight in own.voices.items():
            voices[self.voice_index[name]] = weight
        drop = rng.random(4)
        # A recording comes without its words or with wrong ones: lips must then follow the sound.
        if drop[0] < (0.5 if given.all() else 0.12):
            ids, phoneme_position = np.full_like(ids, UNKNOWN_SYMBOL), np.zeros_like(phoneme_position)
        elif given.all() and drop[0] > 0.7:
            away = int(rng.integers(20, len(ids) - 20))
            ids, phoneme_position = np.roll(ids, away), np.roll(phoneme_position, away, axis=0)
        if drop[1] < 0.1:
            voices[:] = 0
        sound = heard.sound if drop[2] >= 0.25 else np.zeros_like(heard.sound)
        line_numbers = np.ones(n, np.int64)
        if rng.random() < 0.5:
            line_numbers[:] = 0
            line_numbers[span] = 1
        return {
            "audio": audio,
            "motion": motion,
            "symbols": ids,
            "phoneme_position": phoneme_position,
            "voices": voices,
            "audio_given": given,
            "motion_given": motion_given,
            "heard": sound,
            "share": np.full(n, float(drop[3] >= 0.1), np.float32),
            "line_numbers": line_numbers,
            "language": np.int64(LANGUAGE_INDEX[own.language]),
            **self._seen(heard, spoken, rng),
        }

    def _seen(self, heard: Heard, spoken: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """What an example has besides: nothing here, as nobody is seen. ``spoken`` is the level of its own voice."""
        return {}

    def _heard(self, rng: np.random.Generator, n: int, turn: int) -> Heard:
        """Another person's speech after frame ``turn``, or nobody's where that is the end."""
        heard = np.zeros((n, HEARD_CHANNELS), np.float32)
        heard[:, :AUDIO_CHANNELS] = self.normalizer.silence(n)
        heard[:, AUDIO_CHANNELS] = 1
        level, side = np.zeros(n, np.float32), np.zeros(n, np.float32)
        other, take = None, 0
        if turn < n:
            other = self._draw(rng)
            take = min(n - turn, other.n_frames)
            mel = self.features.mel_of(other)[: MELS_PER_FRAME * take]
            heard[turn : turn + take, :AUDIO_CHANNELS] = self.normalizer.audio(mel)
            level[turn : turn + take] = voice_level(mel)
            side[turn : turn + take] = rng.choice((-1.0, 1.0)) * rng.uniform(0.4, 1.0)
            heard[:, AUDIO_CHANNELS + 1] = side
        return Heard(heard, level, side, other, slice(turn, turn + take))

    def _motion(
        self,
        own: Utterance,
        cut: slice,
        mel: np.ndarray,
        span: slice,
        heard_level: np.ndarray,
        side: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Lips of the labels plus gestures for what is said and heard, standardised (T, 57)."""
        n = self.n_frames
        if self.labels is None:
            return np.zeros((n, N_CHANNELS), np.float32)
        stress, speaking = np.zeros(n, np.float32), np.zeros(n, np.float32)
        bounds = np.concatenate([[0], np.cumsum(own.durations)]) / (25 * MELS_PER_FRAME)
        stress[span] = stress_track(TimedPhonemes(own.phonemes, bounds), own.n_frames)[cut]
        speaking[span] = voice_level(mel)[cut]
        values = gestures(Cues(stress, speaking, heard_level, side), seed=int(rng.integers(2**31)))
        values[span] += np.asarray(self.labels[own.first + cut.start : own.first + cut.stop], np.float32)
        return self.normalizer.motion(values)


def language_chances(utterances: list[Utterance]) -> np.ndarray:
    """(N,) chance of each: by its length within its language, and of a language by its length's square root.

    Sampling of languages at temperature 2, as multilingual models are trained (arXiv 1911.02116, section 3.1).
    """
    lengths = np.array([u.n_frames for u in utterances], np.float64)
    spoken = np.array([u.language for u in utterances])
    for language in set(spoken):
        own = spoken == language
        lengths[own] /= np.sqrt(lengths[own].sum())
    return lengths / lengths.sum()


def _given(rng: np.random.Generator, span: slice, n: int, recordings: float) -> tuple[np.ndarray, np.ndarray]:
    """Which frames of audio and motion are given: silence outside speech always, the rest by chance."""
    audio, motion = np.zeros(n, np.float32), np.zeros(n, np.float32)
    kind, other = rng.random(2)
    if kind < recordings:
        audio[:] = 1
    elif kind < recordings + 0.15:
        _give_part(audio, rng)
    if kind >= recordings and other < 0.10:
        motion[:] = 1
    elif other < 0.25:
        _give_part(motion, rng)
    audio[: span.start] = 1
    audio[span.stop :] = 1
    return audio, motion


def _give_part(given: np.ndarray, rng: np.random.Generator) -> None:
    """A prefix, or everything but a span (the edit of a word, a continuation)."""
    n = len(given)
    if rng.random() < 0.4:
        given[: int(n * rng.uniform(0.1, 0.6))] = 1
    else:
        length = int(n * rng.uniform(0.15, 0.6))
        start = int(rng.integers(n - length + 1))
        given[:] = 1
        given[start : start + length] = 0
