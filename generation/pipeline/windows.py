"""Windows of constant length over long scenes: each begins with the end of what was made before it, which is given.

Attention grows with the square of the length, and the network has been trained on half a minute at most; with windows
a second of film costs the same in any line. Noise belongs to the frames of the scene, not to the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from generation.core.clock import MELS_PER_FRAME
from generation.core.motion import CHANNELS, MOUTH
from generation.models.joint_inputs import JointInputs
from generation.pipeline.conditioning import LatentState
from generation.pipeline.face_routing import FaceRouting
from generation.text.phoneme_sequence import silent_symbols

LONGEST = 350
"""Frames that are sampled at once: what is no longer than that is made in one piece."""
PREFIX = 25
"""Frames before what is new in a window, given as they were made."""
_AHEAD = 12
"""Frames after it that are made too: there the motion passes over into the next window's."""
_MOUTH_AHEAD = 3
"""The same for lips and jaw, which follow a sound that is joined at once."""
_SEARCH = 50
"""Frames to either side among which a quieter place for a join is looked for."""

_MOUTH_CHANNELS = torch.tensor([name in MOUTH for name in CHANNELS])


@dataclass(frozen=True)
class Place:
    """Where a window is: its first frame, its number from 0, and how many there are."""

    first: int
    number: int
    count: int

    def report(self, on_step: Callable[[int, int], None], done: int, steps: int) -> None:
        """Tell how many steps of all windows are done, given those of this one."""
        on_step(self.number * steps + done, self.count * steps)


Denoise = Callable[[JointInputs, LatentState, LatentState, FaceRouting, Place], tuple[LatentState, LatentState]]
"""Sound and motion of a window from noise to data."""


def sample_windows(
    denoise: Denoise,
    inputs: JointInputs,
    audio: LatentState,
    motion: LatentState,
    rows: FaceRouting,
    quiet: np.ndarray,
) -> tuple[LatentState, LatentState]:
    """Both streams (B, V or K, T, C) from noise to data; ``quiet`` as :func:`plan_windows` takes it."""
    made = torch.cat([audio.denoise_mask[0], motion.denoise_mask[0]]).amax(0) > 0
    windows = plan_windows(made.cpu().numpy(), quiet)
    sound, shown = audio, motion
    ahead = motion.latent[:, :, :0]
    for number, (frames, new) in enumerate(windows):
        known = sound.window(frames), shown.window(frames)
        some = rows.window(frames)
        told = replace(inputs.window(frames), audio_given=known[0].given, motion_given=some.of_faces(known[1].given))
        finished = denoise(told, *known, some, Place(frames.start, number, len(windows)))
        inside = slice(new.start - frames.start, new.stop - frames.start)
        sound = sound.known(new, finished[0].blended[:, :, inside])
        moved = finished[1].blended
        shown = shown.known(new, _passed_over(ahead, moved[:, :, inside]))
        ahead = moved[:, :, inside.stop :]
    return replace(audio, latent=sound.clean), replace(motion, latent=shown.clean)


def _passed_over(former: Tensor, new: Tensor) -> Tensor:
    """Motion (B, K, n, C) that begins as the former window went on for a few frames."""
    length = min(former.shape[2], new.shape[2])
    reach = torch.where(_MOUTH_CHANNELS, min(_MOUTH_AHEAD, length), length).to(new)
    place = (torch.arange(length, device=new.device)[:, None] + 1) / (reach + 1)
    share = 0.5 - 0.5 * torch.cos(torch.pi * place.clamp(max=1))
    begun = (1 - share) * former[:, :, :length] + share * new[:, :, :length]
    return torch.cat((begun, new[:, :, length:]), 2)


def quiet_frames(inputs: JointInputs, audio: LatentState, silence: np.ndarray) -> np.ndarray:
    """(T,) 0..1, share of a frame in which no voice is heard, by phonemes or recordings; ``silence`` is a token."""
    pause = int(silent_symbols(1)[0][0])
    unsaid = (inputs.symbols == pause).float().unflatten(-1, (-1, MELS_PER_FRAME)).mean(-1)
    still = (audio.clean - torch.from_numpy(silence).to(audio.clean)).abs().amax(-1) < 1e-3
    silent = torch.maximum(unsaid, (still & (audio.denoise_mask == 0))[:, : unsaid.shape[1]].float())
    return silent[0].amin(0).cpu().numpy()


def plan_windows(made: np.ndarray, quiet: np.ndarray) -> list[tuple[slice, slice]]:
    """Windows of a scene, in order.

    Args:
        made: (T,) bool, frames in which anything is to be made.
        quiet: (T,) 0..1, share of each frame in which no voice is heard: joins lie there where they can.

    Returns:
        The frames of each window, and those among them that come from it; together these cover what is to be made.
    """
    n_frames = len(made)
    if n_frames <= LONGEST:
        return [(slice(0, n_frames), slice(0, n_frames))]
    frames = np.flatnonzero(made)
    if not len(frames):
        return []
    first, stop = int(frames[0]), int(frames[-1]) + 1
    room = LONGEST - PREFIX - _AHEAD
    if stop - first <= room:  # all around it is given, and costs no more
        begin = min(max(0, (first + stop - LONGEST) // 2), n_frames - LONGEST)
        return [(slice(begin, begin + LONGEST), slice(first, stop))]
    edges = np.linspace(first, stop, -(-(stop - first) // room) + 1).round().astype(int)
    calm = uniform_filter1d(quiet.astype(np.float64), 3)
    edges = [first, *(_quietest(calm, int(edge)) for edge in edges[1:-1]), stop]
    return [(slice(max(0, a - PREFIX), min(n_frames, b + _AHEAD)), slice(a, b)) for a, b in pairwise(edges)]


def _quietest(calm: np.ndarray, edge: int) -> int:
    """The frame nearest to another at which it is as calm as anywhere around."""
    around = np.arange(edge - _SEARCH, edge + _SEARCH + 1)
    best = around[calm[around] >= calm[around].max() - 1e-6]
    return int(best[np.abs(best - edge).argmin()])
