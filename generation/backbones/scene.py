"""Inputs of a video backbone: the whole scene, and the part of it for one window of the video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from generation.audio.waveform import Audio
from generation.core.clock import FPS, SAMPLES_PER_FRAME
from masks.regions import CharacterMask
from masks.routing import PatchTokens, routing_weights

LEAST_DRIVEN = 0.5
"""Routing weight from which on a person is said to speak when the voice is heard."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True)
class BackboneScene:
    """A scene for a video backbone, at 25 frames/s and 24 kHz.

    Attributes:
        picture: (H, W, 3) uint8 RGB, in the size of the video.
        masks: CharacterMask of each of the K people in the picture, still or of T frames.
        voices: speech of each of the V voices over the whole scene.
        routing: (V, K) or (V, K, T) float32 in [0, 1], how much voice i drives person j, masks apart.
        regions: (H, W) float32 in [0, 1] of each person, where pixels may change if the background is kept.
        n_frames: T.
    """

    picture: np.ndarray
    masks: tuple[CharacterMask, ...]
    voices: tuple[Audio, ...]
    routing: np.ndarray
    regions: tuple[np.ndarray, ...]
    n_frames: int

    def padded(self, stride: int) -> BackboneScene:
        """The same with sides that are multiples of ``stride``: last rows and columns of everything repeated."""
        rows, columns = (-side % stride for side in self.picture.shape[:2])

        def pad(plane: np.ndarray) -> np.ndarray:
            return np.pad(plane, [(0, 0)] * (plane.ndim - 2) + [(0, rows), (0, columns)], mode="edge")

        return replace(
            self,
            picture=np.pad(self.picture, ((0, rows), (0, columns), (0, 0)), mode="edge"),
            masks=tuple(replace(mask, mask=pad(mask.mask)) for mask in self.masks),
            regions=tuple(pad(region) for region in self.regions),
        )

    def routing_at(self, frames: np.ndarray) -> np.ndarray:
        """(V, K, F) routing in frames of the scene."""
        return (
            self.routing[..., frames] if self.routing.ndim == 3 else np.repeat(self.routing[..., None], len(frames), 2)
        )

    def sound(self, voice: int, first: int, stop: int) -> Audio:
        """A voice between two frames; silence beyond the end of the scene."""
        whole = self.voices[voice]
        part = whole.waveform[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        return Audio(np.pad(part, (0, (stop - first) * SAMPLES_PER_FRAME - len(part))), whole.sampling_rate)

    def prompt(self) -> str:
        """Text prompt of the picture for the text encoder."""
        n_people = len(self.masks)
        who = "One person looks" if n_people == 1 else f"{n_people} people look"
        return f"{who} towards the camera and talk. The camera does not move. Natural light, sharp picture."

    def action(self, person: int, speaks: bool) -> str:
        """The prompt with what one person does."""
        middles = [float(np.average(np.arange(mask.size[1]), weights=mask.frame(0).sum(0))) for mask in self.masks]
        place = sorted(range(len(middles)), key=middles.__getitem__).index(person)
        ordinal = _ORDINALS[place] if place < len(_ORDINALS) else f"{place + 1}th"
        does = "is speaking, the lips move" if speaks else "listens in silence, the lips are closed"
        return f"{self.prompt()} The {ordinal} person from the left {does}."


@dataclass(frozen=True)
class WindowInputs:
    """One window of the video: I routed conditions, N tokens, sides that are whole patches.

    Attributes:
        given: (G, H, W, 3) uint8, the frames that it begins with; one at least.
        n_frames: its length in frames of the backbone, ``given`` included.
        routing_weights: (I, N) float32, share of each condition in each token.
        sounds: the I voices in this window, for a backbone that hears.
        actions: I prompts, for one that does not.
        prompt: what holds for all of the picture.
        still: (H, W, 3) uint8, the scene's picture.
        pinned: (N,) bool, tokens that stay as the picture is; None = none.
    """

    given: np.ndarray
    n_frames: int
    routing_weights: np.ndarray
    sounds: tuple[Audio, ...]
    actions: tuple[str, ...]
    prompt: str
    still: np.ndarray
    pinned: np.ndarray | None = None


class Backbone(Protocol):
    """A video model that fills one window.

    Attributes:
        steps: of the sampler.
        on_pass: called before each pass of the transformer; may raise to stop.
        fps: frames a second that it makes.
        hears: whether sound drives it; otherwise each person's prompt does.
        stride: sides of the video are multiples of so many pixels.
        patch: side of a routed token in pixels.
        time_ratio: frames that a latent step stands for, after the first.
        window: longest window in frames, 1 more than a multiple of ``time_ratio``.
        overlap: frames that a window takes over from the one before it, likewise.
    """

    steps: int
    on_pass: Callable[[], None]
    fps: int
    hears: bool
    stride: int
    patch: int
    time_ratio: int
    window: int
    overlap: int

    def make(self, window: WindowInputs, *, seed: int) -> np.ndarray:
        """The window's frames, (n_frames, H, W, 3) uint8."""


def tokens_of(scene: BackboneScene, backbone: Backbone, n_frames: int) -> PatchTokens:
    """Where a window's tokens lie in the picture."""
    steps = (n_frames - 1) // backbone.time_ratio
    height, width = scene.picture.shape[:2]
    return PatchTokens((height, width), (backbone.patch, backbone.patch), (1, *[backbone.time_ratio] * steps))


def scene_frames(backbone: Backbone, first: int, n_frames: int, total: int) -> np.ndarray:
    """(n_frames,) frames of the scene that are shown in frames ``first`` and on of the backbone."""
    return np.minimum(np.round((first + np.arange(n_frames)) * FPS / backbone.fps).astype(int), total - 1)


def people(scene: BackboneScene, tokens: PatchTokens, frames: np.ndarray) -> np.ndarray:
    """(K, N) share of each person in each token of a window that shows these frames of the scene."""
    return routing_weights(
        [replace(mask, mask=mask.mask[frames]) if mask.mask.ndim == 3 else mask for mask in scene.masks], tokens
    )


def drive(routing: np.ndarray, shares: np.ndarray, tokens: PatchTokens) -> np.ndarray:
    """Share of each voice in each token.

    Args:
        routing: (V, K, F) in each frame of the window.
        shares: (K, N) of each person.
        tokens: the N tokens of F frames.

    Returns:
        (V, N) float32, at most 1 in all.
    """
    starts = np.cumsum((0, *tokens.frames[:-1]))
    by_step = np.add.reduceat(routing, starts, axis=2) / np.array(tokens.frames)
    per_token = np.repeat(by_step, shares.shape[1] // len(tokens.frames), axis=2)
    driven = (per_token * shares).sum(1)
    return (driven / np.maximum(driven.sum(0), 1.0)).astype(np.float32)


def audible(sounds: Sequence[Audio]) -> list[int]:
    """Voices that are not silent."""
    return [voice for voice, sound in enumerate(sounds) if sound.waveform.any()]
