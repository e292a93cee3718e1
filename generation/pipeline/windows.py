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

from generation.core.arrays import runs
from generation.core.clock import MELS_PER_FRAME
from generation.core.motion import CHANNELS, MOUTH
from generation.models.joint_inputs import JointInputs
from generation.pipeline.conditioning import LatentState
from generation.pipeline.face_routing import FaceRouting
from generation.text.ipa import SYMBOL_INDEX
from generation.text.phoneme_sequence import silent_symbols

LONGEST = 350
"""Frames that are sampled at once: what is no longer than that is made in one piece."""
PREFIX = 25
"""Frames before what is new in a window, given as they were made."""
_AHEAD = 12
"""Frames after it that are made too: there the motion passes over into the next window's."""
_MOUTH_AHEAD = 3
"""The same for lips and jaw, and for the sound that they follow."""
_CLOSURES = {"p": 0.6, "t": 0.6, "k": 0.6, "b": 0.4, "d": 0.4, "ɡ": 0.4}
"""How quiet it is while the mouth is shut for a stop, beside 1 in a pause: in a line without pauses joins lie there."""
_PAUSE_MELS, _WORD_GAP = 12, 0.1
"""Mel frames from which nothing is said between two words, and how quiet it is where they follow each other at once."""
_CLOSED = 0.6
"""Share of a stop before its burst."""
_SEARCH = 50
"""Frames to either side among which a quieter place for a join is looked for."""

_MOTION_AHEAD = torch.tensor([_MOUTH_AHEAD if name in MOUTH else _AHEAD for name in CHANNELS])


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
    ahead, said = motion.latent[:, :, :0], audio.latent[:, :, :0]
    for number, (frames, new) in enumerate(windows):
        known = sound.window(frames), shown.window(frames)
        some = rows.window(frames)
        told = replace(inputs.window(frames), audio_given=known[0].given, motion_given=some.of_faces(known[1].given))
        finished = denoise(told, *known, some, Place(frames.start, number, len(windows)))
        inside = slice(new.start - frames.start, new.stop - frames.start)
        spoken, moved = finished[0].blended, finished[1].blended
        sound = sound.known(new, _passed_over(said, spoken[:, :, inside], _MOUTH_AHEAD))
        shown = shown.known(new, _passed_over(ahead, moved[:, :, inside], _MOTION_AHEAD))
        said, ahead = spoken[:, :, inside.stop :], moved[:, :, inside.stop :]
    return replace(audio, latent=sound.clean), replace(motion, latent=shown.clean)


def _passed_over(former: Tensor, new: Tensor, over: int | Tensor) -> Tensor:
    """A stream (B, K, n, C) that begins as the former window went on, for ``over`` frames of it or of each channel."""
    length = min(former.shape[2], new.shape[2])
    reach = torch.as_tensor(over, device=new.device).clamp(max=length).to(new)
    place = (torch.arange(length, device=new.device)[:, None] + 1) / (reach + 1)
    share = 0.5 - 0.5 * torch.cos(torch.pi * place.clamp(max=1))
    begun = (1 - share) * former[:, :, :length] + share * new[:, :, :length]
    return torch.cat((begun, new[:, :, length:]), 2)


def quiet_frames(inputs: JointInputs, audio: LatentState, silence: np.ndarray) -> np.ndarray:
    """(T,) 0..1, how quiet each frame is: 1 where no voice is heard, less where lips or tongue are shut for a stop.

    By phonemes, or recordings; ``silence`` is a token.
    """
    pause = int(silent_symbols(1)[0][0])
    quietness = torch.zeros(inputs.symbols.shape)
    for voice, said in enumerate((inputs.symbols[0] == pause).cpu().numpy()):
        for start, stop in runs(said):
            quietness[:, voice, start:stop] = 1.0 if stop - start >= _PAUSE_MELS else _WORD_GAP
    quietness = quietness.to(audio.clean)
    closed = inputs.phoneme_position[..., 0] < _CLOSED
    for symbol, share in _CLOSURES.items():
        quietness = torch.where((inputs.symbols == SYMBOL_INDEX[symbol]) & closed, share, quietness)
    unsaid = quietness.unflatten(-1, (-1, MELS_PER_FRAME)).mean(-1)
    still = (audio.clean - torch.from_numpy(silence).to(audio.clean)).abs().amax(-1) < 1e-3
    silent = torch.maximum(unsaid, (still & (audio.denoise_mask == 0))[:, : unsaid.shape[1]].float())
    return silent[0].amin(0).cpu().numpy()


def plan_windows(made: np.ndarray, quiet: np.ndarray) -> list[tuple[slice, slice]]:
    """Windows of a scene, in order.

    Args:
        made: (T,) bool, frames in which anything is to be made.
        quiet: (T,) 0..1, how quiet each frame is: joins lie where it is most.

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
    level = quiet.astype(np.float64)
    # quiet on both sides of a join, and rather amid quiet than at its edge
    calm = np.minimum(level, np.append(level[:1], level[:-1])) + 0.01 * uniform_filter1d(level, 3)
    edges = [first, *(_quietest(calm, int(edge)) for edge in edges[1:-1]), stop]
    return [(slice(max(0, a - PREFIX), min(n_frames, b + _AHEAD)), slice(a, b)) for a, b in pairwise(edges)]


def _quietest(calm: np.ndarray, edge: int) -> int:
    """The frame nearest to another at which it is as calm as anywhere around."""
    around = np.arange(edge - _SEARCH, edge + _SEARCH + 1)
    best = around[calm[around] >= calm[around].max() - 1e-6]
    return int(best[np.abs(best - edge).argmin()])
