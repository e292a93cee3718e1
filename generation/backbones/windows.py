"""Splits a video of any length into overlapping windows, each continued from the last frames before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from generation.backbones.scene import (
    LEAST_DRIVEN,
    Backbone,
    BackboneScene,
    WindowInputs,
    audible,
    drive,
    people,
    scene_frames,
    tokens_of,
)
from generation.core.clock import FPS


@dataclass(frozen=True)
class Window:
    """Frames ``first`` to ``first + n_frames`` of the backbone."""

    first: int
    n_frames: int


def plan_windows(n_frames: int, longest: int, overlap: int, time_ratio: int) -> list[Window]:
    """Windows that cover a number of frames.

    Args:
        n_frames: of the video.
        longest: of a window; like every window's length 1 more than a multiple of ``time_ratio``.
        overlap: frames that two windows share; the first of the later one.
        time_ratio: frames of a latent step.
    """
    windows, first = [], 0
    while True:
        needed = -(-max(n_frames - first - 1, 1) // time_ratio) * time_ratio + 1
        windows.append(Window(first, min(longest, needed)))
        if first + windows[-1].n_frames >= n_frames:
            return windows
        first += windows[-1].n_frames - overlap


def n_backbone_frames(backbone: Backbone, n_frames: int) -> int:
    """Frames that a backbone makes for a scene of ``n_frames``."""
    return round((n_frames - 1) * backbone.fps / FPS) + 1


def window_inputs(
    scene: BackboneScene, backbone: Backbone, window: Window, given: np.ndarray, *, keep_background: bool = False
) -> WindowInputs:
    """Inputs of the backbone for one window.

    A condition that drives nothing here is left out: a voice that is silent in this window, or has no face.

    Args:
        scene: the scene, sides padded to the backbone's stride.
        backbone: the model.
        window: which part.
        given: (G, H, W, 3) uint8 frames that it begins with.
        keep_background: whether tokens outside the motion regions stay as the picture is.
    """
    tokens = tokens_of(scene, backbone, window.n_frames)
    shown = scene_frames(backbone, window.first, window.n_frames, scene.n_frames)
    shares = people(scene, tokens, shown)
    routing = scene.routing_at(shown)
    stop = int(np.ceil((window.first + window.n_frames) * FPS / backbone.fps))
    sounds = [scene.sound(voice, int(shown[0]), max(stop, int(shown[0]) + 1)) for voice in range(len(scene.voices))]
    heard = audible(sounds)
    actions: tuple[str, ...] = ()
    if backbone.hears:
        driven = drive(routing, shares, tokens)
        kept = [voice for voice in heard if driven[voice].any()] or [0]
        members = driven[kept]
    else:
        kept = []
        speaks = [bool((routing[heard, person] >= LEAST_DRIVEN).any()) for person in range(len(scene.masks))]
        members, actions = shares, tuple(scene.action(person, says) for person, says in enumerate(speaks))
    pinned = None
    if keep_background:
        moving = np.max(scene.regions, axis=0)
        share = tokens.shares(0, moving[None])[0]
        pinned = np.tile(share <= 0, len(tokens.frames))
    return WindowInputs(
        given=given,
        n_frames=window.n_frames,
        routing_weights=members,
        sounds=tuple(sounds[voice] for voice in kept),
        actions=actions,
        prompt=scene.prompt(),
        still=scene.picture,
        pinned=pinned,
    )


def prompts_of(scene: BackboneScene) -> set[str]:
    """Every prompt that a window of the scene may need."""
    return {
        scene.prompt(),
        *(scene.action(person, says) for person in range(len(scene.masks)) for says in (False, True)),
    }


def total_passes(scene: BackboneScene, backbone: Backbone) -> int:
    """Greatest number of passes through the transformer."""
    plan = plan_windows(
        n_backbone_frames(backbone, scene.n_frames), backbone.window, backbone.overlap, backbone.time_ratio
    )
    most = max(1, len(scene.voices) if backbone.hears else len(scene.masks))
    return len(plan) * backbone.steps * (2 + most)


def make_frames(
    scene: BackboneScene, backbone: Backbone, *, seed: int, keep_background: bool = False
) -> Iterator[np.ndarray]:
    """Every frame of a scene at 25 frames/s, (H, W, 3) uint8 of the picture's size; one window is held at a time.

    Where two windows overlap, one fades into the other. If the background is kept, pixels outside the motion regions
    are the picture's own, to the bit.

    Args:
        scene: the scene.
        backbone: the model.
        seed: of the noise.
        keep_background: see :func:`window_inputs`.
    """
    height, width = scene.picture.shape[:2]
    numbers = np.round(np.arange(scene.n_frames) * backbone.fps / FPS).astype(int)
    position = 0
    for number, frame in enumerate(_frames(scene.padded(backbone.stride), backbone, seed, keep_background)):
        while position < len(numbers) and numbers[position] == number:
            yield frame[:height, :width]
            position += 1
        if position == len(numbers):
            return


def _frames(scene: BackboneScene, backbone: Backbone, seed: int, keep_background: bool) -> Iterator[np.ndarray]:
    """The frames at the backbone's own rate."""
    total = n_backbone_frames(backbone, scene.n_frames)
    plan = plan_windows(total, backbone.window, backbone.overlap, backbone.time_ratio)
    alpha = np.max(scene.regions, axis=0)[None, ..., None] if keep_background else None
    given = scene.picture[None]
    for number, window in enumerate(plan):
        inputs = window_inputs(scene, backbone, window, given, keep_background=keep_background)
        made = backbone.make(inputs, seed=seed + number)
        if number:
            made = np.concatenate([blend_from(given, made[: len(given)]), made[len(given) :]])
        if alpha is not None:
            made = np.round(alpha * made + (1 - alpha) * scene.picture).astype(np.uint8)
        last = number == len(plan) - 1
        keep = total - window.first if last else window.n_frames - backbone.overlap
        yield from made[:keep]
        given = made[keep:]


def blend_from(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(G, H, W, 3) uint8 frames that go from the old ones to the new ones of the same moments."""
    share = (np.arange(1, len(old) + 1) / (len(old) + 1))[:, None, None, None]
    return np.round((1 - share) * old + share * new).astype(np.uint8)
