"""Inputs of one pass of the joint transformer: latents, noise level, phonemes, voices and routing."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn

from generation.core.clock import MELS_PER_FRAME, N_MELS
from generation.core.motion import N_CHANNELS

AUDIO_CHANNELS = MELS_PER_FRAME * N_MELS
"""Width of an audio token: four mel frames of 100 bins."""
HEARD_CHANNELS = AUDIO_CHANNELS + 2
"""What a person hears in 40 ms: the others' audio, 1 = not dropped, and where it comes from (-1 left .. 1 right)."""
SEEN_CHANNELS = N_CHANNELS + 1
"""What is seen of a face in 40 ms: its motion, and 1 = given, so without noise."""


@dataclass(frozen=True, eq=False)
class JointInputs:
    """B scenes of V voices, K faces and T video frames (40 ms each).

    Everything about sound and words is indexed by voice, everything about motion by face; ``driver`` alone says which
    voice a face speaks with. Without it face k speaks with voice k, and V must equal K.

    Attributes:
        audio: (B, V, T, 400) noisy normalised log-mel, clean where given.
        sigma: (B,) noise level, 1 = noise, 0 = data.
        symbols: (B, V, 4 T) int64 phoneme at each 10 ms; ``n_symbols`` = unknown (text dropped).
        phoneme_position: (B, V, 4 T, 2) position inside the phoneme 0..1 and log of its length in 10 ms, divided by 4.
        voice: (B, V, voice_dim + 1) speaker embedding and a 1; all zero = unknown voice.
        audio_given: (B, V, T) 1 where ``audio`` holds given data.
        motion: (B, K, T, 57) noisy normalised motion, clean where given; None runs the audio stream alone.
        motion_given: (B, K, T) 1 where ``motion`` holds given data; needed with ``motion``.
        heard: (B, K, T, 402) what reaches each person's ears, see ``HEARD_CHANNELS``; zero = dropped.
        share: (B, K, T) in [0, 1]: how much of its voice's sound reaches each face. None = all of it; zeros = no audio
            reaches any face.
        line_numbers: (B, V, T) int64; tokens of a line see only their own line of their own voice, tokens of segment 0
            (the time between lines) see all of it. None = one segment.
        driver: (B, K, T) int64: the voice that each face speaks with in each frame; its words, sound and lines are
            what the face's tokens get. None = face k, voice k.
        partner: (B, V, T) int64: the face whose motion each voice's audio tokens attend to. None = voice k, face k.
        face_voice: (B, K, 1 or T, voice_dim + 1) speaker embedding that conditions each face's motion, as ``voice``.
            None = those of ``voice``.
        seen: (B, F, T, 58) motion of the faces that others may see, at the noise level of ``motion`` or clean where it
            is given, see ``SEEN_CHANNELS``; for weights that see others. None = nobody sees anybody.
        sees: (B, K, F) 1 = face k sees face f; needed with ``seen``.
        language: (B, V, 1 or T) int64 language of each voice, for weights that know several; None = English.
    """

    audio: Tensor
    sigma: Tensor
    symbols: Tensor
    phoneme_position: Tensor
    voice: Tensor
    audio_given: Tensor
    motion: Tensor | None = None
    motion_given: Tensor | None = None
    heard: Tensor | None = None
    share: Tensor | None = None
    line_numbers: Tensor | None = None
    driver: Tensor | None = None
    partner: Tensor | None = None
    face_voice: Tensor | None = None
    seen: Tensor | None = None
    sees: Tensor | None = None
    language: Tensor | None = None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> JointInputs:
        """The same on a device; the signature is the one by which accelerate's offloading moves arguments."""
        return replace(self, **{name: t.to(device, non_blocking=non_blocking) for name, t in self._present().items()})

    def required(self, name: str) -> Tensor:
        """A field that may be None, where this step needs it.

        Raises:
            ValueError: it is None.
        """
        value: Tensor | None = getattr(self, name)
        if value is None:
            raise ValueError(f"{name} is needed here and is not given.")
        return value

    def window(self, frames: slice) -> JointInputs:
        """Some of its video frames."""
        mels = slice(MELS_PER_FRAME * frames.start, MELS_PER_FRAME * frames.stop)
        parts = {}
        for name, tensor in self._present().items():
            if name in ("symbols", "phoneme_position"):
                parts[name] = tensor[:, :, mels]
            elif name not in ("sigma", "voice", "sees") and tensor.shape[2] == self.audio.shape[2]:
                parts[name] = tensor[:, :, frames]
        return replace(self, **parts)

    def without_motion(self) -> JointInputs:
        """The audio stream alone."""
        return replace(self, motion=None, motion_given=None, heard=None, share=None, seen=None, sees=None)

    def languages_or_english(self) -> Tensor:
        """The language of each voice, (B, V, 1 or T) int64."""
        return self.symbols.new_zeros(*self.symbols.shape[:2], 1) if self.language is None else self.language

    def check(self, voice_dim: int, n_languages: int = 1) -> None:
        """Refuses tensors that do not belong together.

        Raises:
            ValueError: a shape that does not fit, with both shapes; motion without its flags or the other way round;
                a driver without partner and face voices, which come together; the same of seen and sees; a language
                beyond the first n_languages.
        """
        audio = self.audio
        if audio.dim() != 4 or audio.shape[-1] != AUDIO_CHANNELS:
            raise ValueError(f"audio must be (B, V, T, {AUDIO_CHANNELS}), got {tuple(audio.shape)}.")
        if (self.motion is None) != (self.motion_given is None):
            raise ValueError("motion and motion_given come together: pass both or neither.")
        if len({value is None for value in (self.driver, self.partner, self.face_voice)}) > 1:
            raise ValueError("driver, partner and face_voice come together: pass all or none.")
        if (self.seen is None) != (self.sees is None):
            raise ValueError("seen and sees come together: pass both or neither.")
        batch, n_voices, n_frames, _ = audio.shape
        n_faces = n_voices if self.driver is None or self.motion is None else self.motion.shape[1]
        spoken, mels = (batch, n_voices, n_frames), (batch, n_voices, MELS_PER_FRAME * n_frames)
        shown = (batch, n_faces, n_frames)
        n_seen = 0 if self.seen is None else self.seen.shape[1]
        expected = {
            "audio": (*spoken, AUDIO_CHANNELS),
            "sigma": (batch,),
            "symbols": mels,
            "phoneme_position": (*mels, 2),
            "voice": (batch, n_voices, voice_dim + 1),
            "audio_given": spoken,
            "motion": (*shown, N_CHANNELS),
            "motion_given": shown,
            "heard": (*shown, HEARD_CHANNELS),
            "share": shown,
            "line_numbers": spoken,
            "driver": shown,
            "partner": spoken,
            "face_voice": (batch, n_faces, n_frames if self._changes("face_voice", n_frames) else 1, voice_dim + 1),
            "seen": (batch, n_seen, n_frames, SEEN_CHANNELS),
            "sees": (batch, n_faces, n_seen),
            "language": (batch, n_voices, n_frames if self._changes("language", n_frames) else 1),
        }
        for name, tensor in self._present().items():
            if tuple(tensor.shape) != expected[name]:
                raise ValueError(f"{name} must be {expected[name]}, got {tuple(tensor.shape)}.")

        if self.language is not None and int(self.language.max()) >= n_languages:
            number = int(self.language.max())
            raise ValueError(f"These weights know {n_languages} languages: number {number} is none of them.")

    def _changes(self, name: str, n_frames: int) -> bool:
        """Whether a field has a value for every frame, in place of one for all of them."""
        value: Tensor | None = getattr(self, name)
        return value is not None and value.shape[2:3] == (n_frames,)

    def _present(self) -> dict[str, Tensor]:
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


def zero_embedding(rows: int, dim: int) -> nn.Embedding:
    """A table that adds nothing before it is trained."""
    table = nn.Embedding(rows, dim)
    nn.init.zeros_(table.weight)
    return table
