"""Training batches for adapters: crops of a processed corpus, or of somebody's clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from generation.audio.mel import mel_spectrogram
from generation.core.clock import MELS_PER_FRAME
from generation.core.motion import N_CHANNELS
from generation.data.clips import Clip
from generation.data.corpus import SpeechCorpus, Utterance
from generation.data.joint_dataset import Batch, JointDataset
from generation.finetuning.styles import ProcessedCorpus, Style, processed_motion
from generation.models.joint_inputs import HEARD_CHANNELS
from generation.models.normalizer import LatentNormalizer
from generation.text.languages import LANGUAGE_INDEX
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL, silent_symbols, timed_symbols


class StyleDataset(JointDataset):
    """Crops of the corpus as a style speaks and moves.

    Args:
        features: the corpus.
        utterances: which of it, all of them trained on or all of them held out.
        labels: (total frames, 57) lip motion of the corpus, or None for an adapter of the audio stream alone.
        normalizer: of the base.
        voice_names: rows of the base's voice table.
        style: how.
        n_frames: length of a crop.
    """

    def __init__(
        self,
        features: SpeechCorpus,
        utterances: Sequence[Utterance],
        labels: np.ndarray | None,
        normalizer: LatentNormalizer,
        voice_names: list[str],
        style: Style,
        n_frames: int,
    ) -> None:
        chosen = [replace(utterance, split="train") for utterance in utterances]
        super().__init__(ProcessedCorpus(features, chosen, style), labels, normalizer, voice_names, n_frames)
        self._style = style

    def _motion(self, *arguments: Any) -> np.ndarray:  # noqa: ANN401 - as of the base
        latent = super()._motion(*arguments)
        if self.labels is None:
            return latent
        return self.normalizer.motion(processed_motion(self.normalizer.motion_values(latent), self._style))


class ClipDataset:
    """Crops of clips; the same generator state gives the same batch.

    Args:
        clips: at least one.
        normalizer: of the base.
        n_voices: rows of the voice table: 1 = the clips' own voice, more = any of the base's, drawn anew each time.
        n_frames: length of a crop in video frames; what a shorter clip leaves is silence in which nothing is learnt.
        speech: whether speech is learnt where a clip has motion, too; else its sound is always given, half of the time
            without its words.
    """

    def __init__(
        self, clips: Sequence[Clip], normalizer: LatentNormalizer, n_voices: int, n_frames: int, speech: bool = True
    ) -> None:
        self._clips, self._normalizer, self._n_voices, self._n_frames = tuple(clips), normalizer, n_voices, n_frames
        self._share_given, self._share_wordless = (0.4, 0.12) if speech else (1.0, 0.5)
        lengths = np.array([clip.n_frames for clip in clips], np.float64)
        self._chances = lengths / lengths.sum()
        self._mels: dict[int, np.ndarray] = {}

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """``size`` examples, K = 1."""
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        rows = [self._example(rng) for _ in range(size)]
        stacked = {f.name: torch.from_numpy(np.stack([r[f.name] for r in rows])[:, None]) for f in fields(Batch)}
        return Batch(**stacked)

    def _mel(self, which: int) -> np.ndarray | None:
        waveform = self._clips[which].waveform
        if waveform is not None and which not in self._mels:
            self._mels[which] = mel_spectrogram(torch.from_numpy(waveform)).numpy()
        return self._mels.get(which)

    def _example(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = self._n_frames
        which = int(rng.choice(len(self._clips), p=self._chances))
        clip, mel = self._clips[which], self._mel(which)
        take = min(n, clip.n_frames)
        skip, at = int(rng.integers(clip.n_frames - take + 1)), int(rng.integers(n - take + 1))
        inside = np.zeros(n, bool)
        inside[at : at + take] = True
        ids, phoneme_position = silent_symbols(MELS_PER_FRAME * n)
        audio, motion = self._normalizer.silence(n), np.zeros((n, N_CHANNELS), np.float32)
        mels, cut = (
            slice(MELS_PER_FRAME * at, MELS_PER_FRAME * (at + take)),
            slice(MELS_PER_FRAME * skip, MELS_PER_FRAME * (skip + take)),
        )
        audio_given, motion_given = (~inside).astype(np.float32), (~inside).astype(np.float32)
        unknown = not clip.phonemes or rng.random() < self._share_wordless
        if unknown:
            ids[mels], phoneme_position[mels] = UNKNOWN_SYMBOL, 0
        else:
            own_ids, own_place = timed_symbols(clip.phonemes, clip.durations)
            ids[mels], phoneme_position[mels] = own_ids[cut], own_place[cut]
        if mel is None:
            audio_given[:] = 1
        else:
            audio[inside] = self._normalizer.audio(mel[cut])
            if clip.motion is not None and rng.random() < self._share_given:  # motion that goes with given sound
                audio_given[:] = 1
        if clip.motion is None:
            motion_given[:] = 1
        else:
            motion[inside] = self._normalizer.motion(clip.motion[skip : skip + take])
        voices = np.zeros(self._n_voices, np.float32)
        voices[int(rng.integers(self._n_voices))] = float(rng.random() >= 0.1)
        return {
            "audio": audio,
            "motion": motion,
            "symbols": ids,
            "phoneme_position": phoneme_position.astype(np.float32),
            "voices": voices,
            "audio_given": audio_given,
            "motion_given": motion_given,
            "heard": np.zeros((n, HEARD_CHANNELS), np.float32),
            "share": np.full(n, float(mel is not None and rng.random() >= 0.1), np.float32),
            "line_numbers": inside.astype(np.int64),
            "language": np.int64(LANGUAGE_INDEX[clip.language]),
        }
