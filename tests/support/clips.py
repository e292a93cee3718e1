"""A small video of two drawn people: one speaks and turns the head, then a cut to the other; with sound."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import soundfile
from sounds import RATE, syllables

from generation.core.assets import asset
from generation.core.ffmpeg import FfmpegWriter
from generation.core.motion import INDEX, N_CHANNELS, ROTATION, MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker
from masks.picture import load_picture

FIRST_SHOT, SECOND_SHOT = 36, 24
N_FRAMES = FIRST_SHOT + SECOND_SHOT
SIZE = (216, 288)
"""Height and width."""


@cache
def two_people_frames() -> tuple[np.ndarray, ...]:
    """Its frames, uint8 (H, W, 3): both people for 36 frames, then the one on the right, nearer, for 24."""
    whole = load_picture(asset("scenes") / "cafe" / "picture.png")
    pair = cv2.resize(whole[60:660, 60:860], SIZE[::-1], interpolation=cv2.INTER_AREA)
    faces = sorted(FaceLandmarker().detect_upright(pair), key=lambda face: float(face.eyes[:, 0].mean()))
    half = np.zeros((2, *SIZE), np.float32)
    middle = round(float(np.mean([face.eyes[:, 0].mean() for face in faces])))
    half[0, :, :middle], half[1, :, middle:] = 1, 1
    time = np.arange(N_FRAMES)
    motion = np.zeros((2, N_FRAMES, N_CHANNELS), np.float32)
    motion[0, :, INDEX["jawOpen"]] = np.clip(np.sin(time * 2 * np.pi / 9), 0, 1) * 0.5
    motion[1, FIRST_SHOT:, INDEX["jawOpen"]] = np.clip(np.sin(time[FIRST_SHOT:] * 2 * np.pi / 11), 0, 1) * 0.4
    motion[0, :, ROTATION.start + 1] = 0.12 * np.sin(time * 2 * np.pi / 50)
    parts = [RenderFace(face, region) for face, region in zip(faces, half, strict=True)]
    drawn = list(SceneRenderer(pair, parts).frames([MotionTrack(own) for own in motion]))
    x0, y0, x1, y1 = faces[1].box
    x, y, wide = (x0 + x1) / 2, (y0 + y1) / 2, 1.1 * (y1 - y0)
    place = np.float32([[1.6, 0, 0.5 * SIZE[1] - 1.6 * x], [0, 1.6, 0.5 * SIZE[0] - 1.6 * y]])
    assert wide > 0
    near = [cv2.warpAffine(frame, place, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE) for frame in drawn[FIRST_SHOT:]]
    return (*map(np.ascontiguousarray, drawn[:FIRST_SHOT]), *near)


def write_clip(path: Path, frames: tuple[np.ndarray, ...] | None = None, sound: bool = True, rate: int = 25) -> Path:
    """Writes it, or other frames, without any loss; by the ending of the name as Matroska or in another container."""
    frames = two_people_frames() if frames is None else frames
    rows, columns = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{columns}x{rows}", "-r", str(rate), "-i", "pipe:0"]
    codec = ["-c:v", "ffv1", "-pix_fmt", "bgr0"] if path.suffix == ".mkv" else ["-c:v", "libx264", "-qp", "12"]
    codec += ["-pix_fmt", "yuv420p"] if path.suffix != ".mkv" else []
    with TemporaryDirectory() as scratch:
        if sound:
            wave = syllables(len(frames) / rate, level=0.3)
            soundfile.write(f"{scratch}/sound.wav", wave, RATE)
            source += ["-i", f"{scratch}/sound.wav", "-c:a", "flac" if path.suffix == ".mkv" else "aac"]
        with FfmpegWriter([*source, *codec, str(path)], "no video") as writer:
            for frame in frames:
                writer.write(memoryview(np.ascontiguousarray(frame)).cast("B"))
            writer.finish()
    return path
