"""The animatic: a scene in seconds, with its full sound, small, at half the frame rate, and only speakers moving."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generation.audio.waveform import Audio, mix
from generation.core.clock import SAMPLE_RATE
from generation.core.motion import MotionTrack
from generation.core.performance import Performance
from generation.pipeline.sampling import usual_steps
from studio.cast.face_assignment import FaceAssignment, assign_faces
from studio.cast.geometry import SceneGeometry, build_geometry
from studio.core.progress import Progress
from studio.core.storage import json_bytes, write_json
from studio.export.provenance import make_record
from studio.export.writers import OnFrame, write_film
from studio.performance.line_audio import scene_geometry, timed_words
from studio.performance.performer import Models, Speech
from studio.production.frame_cache import FrameCache, tidy
from studio.production.render import REEL, appearance_key, scaled_motion, shown
from studio.production.setup import make_renderer
from studio.project.restore import media_names
from studio.scene.document import DocumentError, load_scene, scene_data
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline, line_names

if TYPE_CHECKING:
    from generation.rendering.renderer import SceneRenderer

HEIGHT = 320
"""Greatest height of the animatic in pixels."""
EVERY = 2
"""Of so many frames one is drawn."""
_MAX_BYTES = 200_000_000
"""Of kept pictures of previews; in a folder of their own, for a film lets a preview pass and then needs what it has."""
_FADE = 5
"""Frames over which a speaker begins and ceases to move."""


@dataclass(frozen=True)
class Stage:
    """What depends on picture and cast alone, kept from one preview to the next; ``look`` names how frames look."""

    key: str
    casting: FaceAssignment
    places: SceneGeometry
    renderer: SceneRenderer | None
    look: str


class Previewer:
    """Makes animatics; the picture is prepared once, until it, the masks or the cast change.

    Args:
        models: loaded models.
        height: greatest height of what is drawn, in pixels.

    Attributes:
        models: the same.
    """

    def __init__(self, models: Models, height: int = HEIGHT) -> None:
        self.models = models
        self._height = height
        self._stage: Stage | None = None
        self._geometry: tuple[str, tuple[np.ndarray, np.ndarray]] = ("", (np.empty(0), np.empty(0)))

    def make(self, scene_path: Path, project: Path, target: Path, progress: Progress) -> dict[str, Path]:
        """Make one.

        Args:
            scene_path: the scene; who agreed to be in its picture need not be said yet.
            project: folder whose ``work`` keeps the pieces.
            target: folder for the result.
            progress: with the stages ``look at the picture``, ``speech and motion`` and ``drawing``.

        Returns:
            ``video``, an MP4 file, and ``words``, see :func:`studio.performance.line_audio.timed_words`.

        Raises:
            DocumentError: the picture or a line cannot be used.
            Cancelled: stopped.
        """
        progress.start("look at the picture")
        _, scene = load_scene(scene_path)
        if not scene.script:
            raise DocumentError(["The script has no lines; write at least one."])
        stage = self.prepared(scene, scene_path.parent)
        steps = usual_steps()
        speech = Speech(scene, scene_path.parent, None, steps, None, self.models, speakers_only=True)
        timeline = speech.timeline()
        progress.start("speech and motion")
        places = stage.places
        performance = speech.perform(timeline, places.routing, places.sides, project / "work", progress)
        progress.start("drawing")
        sound = mix([Audio(part.speech, SAMPLE_RATE) for part in performance.characters])
        settings = {"seed": speech.seed, "steps": steps, "height": self._height}
        record = make_record(scene_data(scene), scene_path.parent, settings, photograph=scene.consent != "drawn")
        video = target / "preview.mp4"
        stretches = _pictures(
            scene, stage, timeline, performance, project / "work" / REEL / "previews", progress.update
        )
        n_frames = -(-performance.n_frames // EVERY) * EVERY
        write_film(stretches, n_frames, sound, video, record=record)
        names = line_names(scene, takes=False)
        words = timed_words(scene, names, timeline, {line.id for line in timeline.lines})
        write_json(target / "words.json", words, durable=False)
        return {"video": video, "words": target / "words.json"}

    def prepared(self, scene: Scene, folder: Path) -> Stage:
        """What depends on a scene's picture and cast alone, made ready to be drawn.

        Raises:
            DocumentError: the picture cannot be used; every fault.
        """
        key = _stage_key(scene, folder)
        if self._stage is None or self._stage.key != key:
            if not scene.picture:
                raise DocumentError(["There is no picture yet; add one."])
            casting, problems = assign_faces(scene, folder)
            if casting is None or problems:
                raise DocumentError(sentence for sentences in problems.values() for sentence in sentences)
            casting = casting.resized(self._height)
            places = build_geometry(scene, casting)
            renderer = make_renderer(casting, places) if places.seats else None
            self._stage = Stage(key, casting, places, renderer, appearance_key(casting, places))
        return self._stage

    def geometry(self, scene: Scene, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Whose voice drives whom, and where everybody sits, as a film in full size has it; kept like the picture."""
        key = _stage_key(scene, folder)
        if self._geometry[0] != key:
            self._geometry = (key, scene_geometry(scene, folder))
        return self._geometry[1]


def _stage_key(scene: Scene, folder: Path) -> str:
    """Hash of all that a picture's preparation depends on."""
    unseen = {"voice": None, "mouth": 1.0, "head": 1.0, "blink": 1.0}
    cast = [character.model_copy(update=unseen) for character in scene.cast]
    bare = scene.model_copy(update={"cast": tuple(cast), "script": (), "title": "", "lexicon": {}})
    digest = hashlib.sha256(json_bytes(scene_data(bare)))
    for relative in media_names(bare):
        path = folder / relative
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


def _pictures(
    scene: Scene, stage: Stage, timeline: Timeline, performance: Performance, kept: Path, on_frame: OnFrame
) -> list[Path]:
    """One of :data:`EVERY` frames of the film, in stretches; those that are not kept are drawn."""
    speaking = _speaking(timeline, len(scene.cast), performance.n_frames)
    tracks = []
    for seat, room in zip(stage.places.seats, stage.places.rooms, strict=True):
        motion = performance.characters[seat.character].motion
        values = scaled_motion(motion, scene.cast[seat.character], room).values * speaking[seat.character][:, None]
        tracks.append(MotionTrack(values[::EVERY].astype(np.float32)))
    tagged = speaking[:, ::EVERY].T == 1
    names = [(character.name, scene.colour_of(index)) for index, character in enumerate(scene.cast)]
    tags = [_tag(name, colour) for name, colour in names]

    def draw(numbers: Sequence[int]) -> Iterator[np.ndarray]:
        still = repeat(stage.casting.picture, len(numbers))
        drawn = stage.renderer.frames(tracks, numbers) if stage.renderer else still
        for frame, number in zip(drawn, numbers, strict=True):
            yield _tagged(frame, [tag for tag, on in zip(tags, tagged[number], strict=True) if on])

    rows = np.hstack([shown(tracks, len(tagged)), tagged.astype(np.float32)])
    reel = FrameCache(kept, rows, repr((stage.look, names)), every=EVERY, label=scene.label)
    made = reel.make(draw, stage.casting.picture, on_frame)
    tidy(kept, _MAX_BYTES)
    return made


def _speaking(timeline: Timeline, n_cast: int, n_frames: int) -> np.ndarray:
    """(K, T) float32: 1 while somebody speaks, falling to 0 within :data:`_FADE` frames around it."""
    speaking = np.zeros((n_cast, n_frames), np.float32)
    frames = np.arange(n_frames)
    for line in timeline.lines:
        outside = np.maximum(np.maximum(line.start - frames, frames - (line.stop - 1)), 0)
        speaking[line.character] = np.maximum(speaking[line.character], np.clip(1 - outside / _FADE, 0, 1))
    return speaking


def _tag(name: str, colour: str) -> np.ndarray:
    """A plate with a name, (h, w, 3) uint8."""
    font = ImageFont.load_default(13)
    left, top, right, bottom = font.getbbox(name)
    plate = Image.new("RGB", (right - left + 12, bottom - top + 8), colour)
    dark = sum(weight * value for weight, value in zip((0.3, 0.59, 0.11), plate.getpixel((0, 0)), strict=True)) < 150
    ImageDraw.Draw(plate).text((6 - left, 4 - top), name, fill="white" if dark else "black", font=font)
    return np.asarray(plate)


def _tagged(frame: np.ndarray, tags: Sequence[np.ndarray]) -> np.ndarray:
    """The frame with the plates of those who speak in its lower left corner."""
    if not tags:
        return frame
    frame = frame.copy()
    left = 6
    for tag in tags:
        height, width = min(tag.shape[0], frame.shape[0] - 6), min(tag.shape[1], frame.shape[1] - left)
        if width > 0 and height > 0:
            top = frame.shape[0] - 6 - height
            frame[top : top + height, left : left + width] = tag[:height, :width]
        left += tag.shape[1] + 6
    return frame
