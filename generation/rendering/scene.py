"""The renderer: a picture, its faces and their motion become frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from generation.motion import MotionTrack
from generation.rendering.face import FaceRenderer, RenderFace
from generation.rig import FaceRig

BATCH = 4
"""Frames rendered together."""


class SceneRenderer:
    """Renders several people moving in one picture. What depends on picture and faces alone is worked out here, once.

    Args:
        picture: uint8 (H, W, 3) RGB.
        faces: the people who may move; no order is assumed.
        device: torch device.
        rig: the face rig; the packaged one by default.

    Raises:
        ValueError: the picture is not uint8 RGB, or a face's maps do not fit it.
    """

    def __init__(
        self,
        picture: np.ndarray,
        faces: Sequence[RenderFace],
        device: str | torch.device = "cpu",
        rig: FaceRig | None = None,
    ) -> None:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"The picture must be uint8 (H, W, 3); this one is {picture.dtype} {picture.shape}.")
        self.picture = picture
        self._rig = rig or FaceRig.load()
        self._device = torch.device(device)
        self._faces = [FaceRenderer(picture, face, self._rig, self._device) for face in faces]

    def frames(self, tracks: Sequence[MotionTrack], chosen: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Frames, one a motion frame, lazily.

        Args:
            tracks: one per face, of equal length; zero motion leaves a face as the picture has it, byte for byte.
            chosen: numbers of the frames that are wanted, in this order; None = all. Each looks as it does among all.

        Yields:
            uint8 (H, W, 3). Pixels outside the faces' regions equal the picture.

        Raises:
            ValueError: not one track a face, or tracks of different lengths.
        """
        if len(tracks) != len(self._faces):
            raise ValueError(
                f"There are {len(self._faces)} faces but {len(tracks)} motion tracks; give one track a face."
            )
        lengths = {len(track) for track in tracks}
        if len(lengths) > 1:
            raise ValueError(f"Motion tracks must be of equal length; these have {sorted(lengths)} frames.")
        wanted = np.arange(lengths.pop() if lengths else 0) if chosen is None else np.asarray(chosen, np.int64)
        return self._frames(tracks, wanted)

    def _frames(self, tracks: Sequence[MotionTrack], wanted: np.ndarray) -> Iterator[np.ndarray]:
        drives = [face.drives(track.values) for face, track in zip(self._faces, tracks, strict=True)]
        n_frames = len(wanted)

        def batch(start: int) -> np.ndarray:
            numbers = wanted[start : start + BATCH]
            frames = np.repeat(self.picture[None], len(numbers), axis=0)
            for face, track, drive in zip(self._faces, tracks, drives, strict=True):
                values = torch.from_numpy(track.values[numbers]).to(self._device)
                self._put(frames, face, values, drive[numbers])
            return frames

        # Batches side by side, one thread each: threads inside every small operation would wait for each other, above
        # all on a busy machine. The number of threads set here holds for the workers alone.
        n_workers = 1 if self._device.type == "cuda" else torch.get_num_threads()
        with ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[np.ndarray]] = deque()
            try:
                for start in range(0, n_frames, BATCH):
                    waiting.append(pool.submit(batch, start))
                    if len(waiting) > n_workers:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for job in waiting:
                    job.cancel()

    def _put(self, frames: np.ndarray, face: FaceRenderer, values: torch.Tensor, drives: torch.Tensor) -> None:
        """Paste the moved face into those of the frames (T, H, W, 3) where it moves."""
        moving = torch.cat([values, drives], 1).abs().amax(1) > 0
        if not moving.any():
            return
        where = np.where(moving.cpu().numpy())[0]
        # always a full batch, so that a frame never depends on how many are rendered with it
        chosen = np.resize(where, BATCH)
        face.paste(frames, values[chosen], drives[chosen], where)
