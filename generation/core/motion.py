"""Motion tracks: 51 ARKit blendshape weights, head rotation and translation at 25 frames a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

BLENDSHAPES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""ARKit's names (all but ``tongueOut``), in the order of MediaPipe's blendshape head."""

HEAD_ROTATION = ("headRotationX", "headRotationY", "headRotationZ")
HEAD_TRANSLATION = ("headTranslationX", "headTranslationY", "headTranslationZ")
CHANNELS: tuple[str, ...] = BLENDSHAPES + HEAD_ROTATION + HEAD_TRANSLATION
INDEX: dict[str, int] = {name: i for i, name in enumerate(CHANNELS)}
WEIGHTS = slice(0, 51)
ROTATION = slice(51, 54)
TRANSLATION = slice(54, 57)
N_CHANNELS = len(CHANNELS)

MOUTH: tuple[str, ...] = tuple(n for n in BLENDSHAPES if n.startswith(("mouth", "jaw", "cheekPuff")))
"""The channels that shape lips and jaw."""
REACTING: tuple[str, ...] = tuple(n for n in CHANNELS if n.startswith(("brow", "eyeLook", "head")))
"""Brows, gaze and head: the channels in which a face reacts to what it sees of others."""

Region = Literal["mouth", "brows", "eyes", "head"]
"""A part of a face whose motion may come from a source of its own."""
_REGION_STARTS: dict[Region, tuple[str, ...]] = {
    "mouth": ("jaw", "mouth", "cheekPuff", "noseSneer"),  # a sneer lifts the upper lip
    "brows": ("brow",),
    "eyes": ("eye", "cheekSquint"),  # a squinting cheek lifts the lower lid
    "head": ("head",),
}
REGION_CHANNELS: dict[Region, tuple[str, ...]] = {
    region: tuple(name for name in CHANNELS if name.startswith(starts)) for region, starts in _REGION_STARTS.items()
}
"""Each region's channels; every channel is in one of them."""


@dataclass(frozen=True)
class MotionTrack:
    """Facial motion of one person on the 25 frames/s clock, relative to the picture.

    Attributes:
        values: (T, 57) float32 in the order of :data:`CHANNELS`. Blendshape weights 0..1 (0 = the face of the picture
            at rest, lips closed); head rotation as axis-angle in radians and head translation in inter-ocular
            distances, both in camera axes: x right, y up, z towards the viewer. All zero = the picture itself.

    Raises:
        ValueError: wrong shape, or a value that is not finite (names the channel and the frame).
    """

    values: np.ndarray

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != N_CHANNELS:
            raise ValueError(f"A motion track needs shape (frames, {N_CHANNELS}); this one has {values.shape}.")
        if not np.isfinite(values).all():
            frame, channel = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(f"Motion channel {CHANNELS[channel]} is not a finite number at frame {frame}.")
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    def channel(self, name: str) -> np.ndarray:
        """One named channel, (T,) float32."""
        return self.values[:, INDEX[name]]

    @classmethod
    def neutral(cls, n_frames: int) -> MotionTrack:
        """The picture as it is, for ``n_frames`` frames."""
        return cls(np.zeros((n_frames, N_CHANNELS), np.float32))
