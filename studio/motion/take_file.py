"""Take files: a picture, everybody's motion and the sound as one small file, of which a film is drawn elsewhere.

A ``.parley`` file is an archive as of :mod:`studio.project.archive`: ``take.json`` (:class:`TakeFacts`), the picture,
``sound.opus``, and of each person ``face-K.bin`` (478 landmarks, float32), ``region-K.png`` and ``figure-K.png`` (what
may move, and who stands before the background), and ``motion-K.bin`` (:mod:`generation.motion.quantised`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from generation.audio.waveform import Audio, Sound, load_audio
from generation.core.clock import samples_from_frames, seconds_from_frames
from generation.core.ffmpeg import run_ffmpeg
from generation.core.motion import N_CHANNELS, MotionTrack
from generation.motion.quantised import motion_steps, quantised, restored
from generation.rendering.face import RenderFace
from masks.landmarks import FaceLandmarks
from masks.picture import load_picture
from studio.core.output import whole_or_nothing
from studio.export.writers import write_sound
from studio.project.archive import Kind, read_members, write_members

_MEMBER = re.compile(r"take\.json|sound\.opus|picture\.\w{3,4}|(face|motion)-\d{1,3}\.bin|(region|figure)-\d{1,3}\.png")
TAKE = Kind("parley take", 1, "a take file", lambda name: _MEMBER.fullmatch(name) is not None)
SOUND_BITS = 24_000
"""Of a second of sound, Opus: speech of one voice at a time is clear by far less."""
_MOST_FRAMES = 9_000_000


class TakePerson(BaseModel):
    """One face of a take: whose, whether it is drawn, and the steps of its motion's channels."""

    name: str = Field(max_length=1300)
    drawn: bool
    steps: tuple[float, ...] = Field(min_length=N_CHANNELS, max_length=N_CHANNELS)


class TakeRecord(BaseModel):
    """What a film of the take says of itself, see :func:`studio.export.provenance.make_record`."""

    model_config = ConfigDict(extra="allow")
    generator: str = Field(max_length=200)
    digital_source_type: str = Field(max_length=300)
    label: bool
    scene: dict[str, Any] | None


class TakeFacts(BaseModel):
    """What ``take.json`` holds: the clock, the people, and the record of the film that is drawn of it."""

    n_frames: int = Field(ge=1, le=_MOST_FRAMES)
    people: tuple[TakePerson, ...] = Field(min_length=1, max_length=100)
    record: TakeRecord


@dataclass(frozen=True)
class PortableTake:
    """A performance with all that its frames are drawn of.

    Attributes:
        picture: uint8 (H, W, 3) RGB.
        faces: of everybody in the picture.
        names: whose they are.
        motion: as it is drawn, one track a face.
        sound: the mix.
        record: what the film says of itself, see :func:`studio.export.provenance.make_record`.
    """

    picture: np.ndarray
    faces: Sequence[RenderFace]
    names: Sequence[str]
    motion: Sequence[MotionTrack]
    sound: Sound
    record: dict[str, Any]


def write_take(take: PortableTake, target: Path, still: Path | None = None) -> dict[str, int]:
    """Write a take file; nothing is there and nothing replaced if anything is raised.

    Args:
        take: what goes in.
        target: the file.
        still: the picture's own file, which goes in as it is where it is of the take's size and smaller than a copy.

    Returns:
        Bytes of each file before they are packed.

    Raises:
        RuntimeError: the sound could not be encoded.
        OSError: the disk is full or refuses.
    """
    files = dict([_packed_picture(take.picture, still)])
    people = []
    for number, (face, name, track) in enumerate(zip(take.faces, take.names, take.motion, strict=True)):
        steps = motion_steps(face.landmarks.inter_ocular)
        people.append(TakePerson(name=name, drawn=face.drawn, steps=tuple(steps.tolist())))
        files[f"face-{number}.bin"] = face.landmarks.points.astype("<f4").tobytes()
        files[f"motion-{number}.bin"] = quantised(track.values, steps)
        for kind, mask in (("region", face.region), ("figure", face.mask)):
            if mask is not None:
                files[f"{kind}-{number}.png"] = _png(np.round(255 * mask).astype(np.uint8))
    facts = TakeFacts(n_frames=len(take.motion[0]), people=tuple(people), record=TakeRecord.model_validate(take.record))
    files["take.json"] = facts.model_dump_json().encode()
    with whole_or_nothing(target) as folder:
        with tempfile.TemporaryDirectory() as scratch:
            files["sound.opus"] = _opus(take.sound, Path(scratch), take.record)
        write_members(folder / target.name, TAKE, {name: partial(bytes, data) for name, data in files.items()})
    return {name: len(data) for name, data in files.items()}


def _packed_picture(picture: np.ndarray, still: Path | None) -> tuple[str, bytes]:
    """Name and contents of the picture's file: the same pixels, in whichever way takes less."""
    copy = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    if still is not None and still.stat().st_size < len(copy) and np.array_equal(load_picture(still), picture):
        return f"picture{still.suffix.lower()}", still.read_bytes()
    return "picture.webp", copy


def _png(mask: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


def _opus(sound: Sound, scratch: Path, record: dict[str, Any]) -> bytes:
    wav = write_sound(sound, scratch / "sound.wav", record)
    options = ["-i", str(wav), "-map_metadata", "-1", "-c:a", "libopus", "-b:a", str(SOUND_BITS), "-f", "ogg", "pipe:1"]
    return run_ffmpeg(options, "The sound could not be encoded")


def read_take(path: Path) -> PortableTake:
    """What :func:`write_take` wrote.

    Raises:
        ValueError: no take file, or one that is damaged, lacks a part or has parts that do not fit; one sentence.
    """
    files = read_members(path, TAKE)
    try:
        facts = TakeFacts.model_validate_json(files["take.json"])
        picture = _picture(files)
        faces, motion = [], []
        for number, person in enumerate(facts.people):
            points = np.frombuffer(files[f"face-{number}.bin"], "<f4").reshape(-1, 3)
            figure = files.get(f"figure-{number}.png")
            region = _mask(files[f"region-{number}.png"], picture)
            mask = None if figure is None else _mask(figure, picture)
            faces.append(RenderFace(FaceLandmarks(points), region, person.drawn, mask))
            values = restored(files[f"motion-{number}.bin"], np.array(person.steps, np.float32))
            if len(values) != facts.n_frames:
                raise ValueError("another length")
            motion.append(MotionTrack(values))
        sound = _sound(files["sound.opus"], facts.n_frames)
    except (KeyError, ValueError, cv2.error):
        raise ValueError(f"{path.name} lacks a part or has parts that do not fit; get it again.") from None
    return PortableTake(
        picture, faces, [person.name for person in facts.people], motion, sound, facts.record.model_dump()
    )


def _picture(files: dict[str, bytes]) -> np.ndarray:
    name = next(name for name in [*files, "picture"] if name.startswith("picture"))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        path.write_bytes(files[name])
        return load_picture(path)


def _mask(data: bytes, picture: np.ndarray) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if found is None or found.shape != picture.shape[:2]:
        raise ValueError("another size")
    return np.float32(found) / np.float32(255)


def _sound(data: bytes, n_frames: int) -> Sound:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "sound.opus"
        path.write_bytes(data)
        audio = load_audio(path, most_seconds=seconds_from_frames(n_frames) + 1)
    wanted = samples_from_frames(n_frames)
    samples = np.pad(audio.waveform[:wanted], (0, max(0, wanted - len(audio.waveform))))
    return Audio(samples, audio.sampling_rate)
