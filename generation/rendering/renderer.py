"""Scene renderer: a picture, its faces and their motion become frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import torch

from generation.core.motion import MotionTrack
from generation.motion.rig import FaceRig
from generation.rendering.face import FaceRenderer, RenderFace
from generation.rendering.imaging.warp import Grid

BATCH = 8
"""Frames rendered together."""
Patch = tuple[FaceRenderer, Grid, np.ndarray]
"""A moved face in a frame: whose, where, and its pixels, uint8 (h, w, 3)."""


class SceneRenderer:
    """Renders several people moving in one picture. What depends on picture and faces alone is worked out here, once.

    Args:
        picture: uint8 (H, W, 3) RGB.
        faces: the people who may move; no order is assumed.
        rig: the face rig; the packaged one by default.
        cut: (H, W, 4) uint8, the people without background, see :mod:`generation.rendering.cut_out`; frames then have
            four channels too.

    Raises:
        ValueError: the picture is not uint8 RGB, or a face's maps do not fit it.
    """

    def __init__(
        self,
        picture: np.ndarray,
        faces: Sequence[RenderFace],
        rig: FaceRig | None = None,
        cut: np.ndarray | None = None,
    ) -> None:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"The picture must be uint8 (H, W, 3); this one is {picture.dtype} {picture.shape}.")
        self.picture = picture
        self._rig = rig or FaceRig.load()
        self._still = picture if cut is None else cut
        self._faces = [FaceRenderer(picture, face, self._rig, cut) for face in faces]

    def frames(self, tracks: Sequence[MotionTrack], chosen: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Frames, one a motion frame, lazily.

        Args:
            tracks: one per face, of equal length; zero motion leaves a face as the picture has it, byte for byte.
            chosen: numbers of the frames that are wanted, in this order; None = all. Each looks as it does among all.

        Yields:
            uint8 (H, W, 3), or (H, W, 4) of people without background. Pixels outside the faces' regions equal the
            picture.

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
        controls = [face.controls(track.values) for face, track in zip(self._faces, tracks, strict=True)]

        def batch(start: int) -> list[list[Patch]]:
            numbers = wanted[start : start + BATCH]
            patches: list[list[Patch]] = [[] for _ in numbers]
            for face, track, drive in zip(self._faces, tracks, controls, strict=True):
                _draw(patches, face, torch.from_numpy(track.values[numbers]), drive[numbers])
            return patches

        # Batches side by side, one thread each: threads inside every small operation would wait for each other, above
        # all on a busy machine. torch's number set here holds for the workers alone, OpenCV's for everybody.
        n_workers, usual = torch.get_num_threads(), cv2.getNumThreads()
        cv2.setNumThreads(1)
        with ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[Future[list[list[Patch]]]] = deque()
            try:
                for start in range(0, len(wanted), BATCH):
                    waiting.append(pool.submit(batch, start))
                    if len(waiting) > n_workers:
                        yield from map(self._laid, waiting.popleft().result())
                while waiting:
                    yield from map(self._laid, waiting.popleft().result())
            finally:
                for job in waiting:
                    job.cancel()
                cv2.setNumThreads(usual)

    def _laid(self, patches: list[Patch]) -> np.ndarray:
        """A frame; whole ones are put together one at a time, since large pictures fill the memory."""
        frame = self._still.copy()
        for face, part, pixels in patches:
            face.paste(frame, part, pixels)
        return frame


def _draw(patches: list[list[Patch]], face: FaceRenderer, values: torch.Tensor, controls: torch.Tensor) -> None:
    """Add the moved face to those of a batch's frames where it moves."""
    where = torch.where(torch.cat([values, controls], 1).abs().amax(1) > 0)[0].tolist()
    if not where:
        return
    # always a full batch, so that a frame never depends on how many are rendered with it
    chosen = np.resize(where, BATCH)
    part, drawn = face.render(values[chosen], controls[chosen], len(where))
    for index, pixels in zip(where, drawn, strict=True):
        patches[index].append((face, part, pixels))
