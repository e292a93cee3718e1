"""How a scene is rendered, and how long the stages of a render take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from generation.core.clock import FPS, SAMPLE_RATE
from generation.pipeline.sampling import network_calls
from studio.cast.face_assignment import FaceAssignment
from studio.core.problems import DocumentError, Problem
from studio.export.frame_encoder import ALPHA, LOSSLESS, MP4, FilmFormat
from studio.performance.performance_cache import made_bytes
from studio.validation.scene_check import Report

DRAFT_HEIGHT = 480
"""Greatest height of a draft in pixels."""

BYTES_A_PIXEL, LOSSLESS_BYTES_A_PIXEL = 0.02, 0.3
"""Of encoded frames: twice what the sample scene takes (0.009 a pixel and frame); lossless is a guess."""
DUBBED_FACE_SECONDS = 0.035
"""Of a frame in which somebody of a video gets a new mouth."""
CURVE_BYTES = 35_000
"""Of a second of somebody's motion curves, CSV and JSON."""


@dataclass(frozen=True)
class RenderSettings:
    """Settings of a render.

    Attributes:
        seed: in place of the scene's own; None = the scene's.
        steps: sampling steps of the model; None = those of the sampler that ships.
        height: greatest height of the video in pixels; None = that of the picture, and :data:`DRAFT_HEIGHT` in a draft.
        device: torch device; None = the GPU when there is one, else the CPU.
        draft: quick and rough.
        lossless: nothing outside the motion regions changes, not even by encoding; the film is then a ``.mkv``.
        alpha: the background is transparent; the film is then a ``.mov``, a ``.webm`` or numbered ``.png``.
        beginning: MP4 file that the film's beginning is written to while the rest is made; None = none.
        work: folder where finished segments of speech and of frames are kept; None = ``.parley`` beside the video.
    """

    seed: int | None = None
    steps: int | None = None
    height: int | None = None
    device: str | None = None
    draft: bool = False
    lossless: bool = False
    alpha: bool = False
    work: Path | None = None
    beginning: Path | None = None

    @property
    def greatest_height(self) -> int | None:
        """Height limit that holds."""
        return self.height or (DRAFT_HEIGHT if self.draft else None)

    @property
    def film_formats(self) -> tuple[FilmFormat, ...]:
        """Formats that a film may have, the usual one first."""
        return (LOSSLESS,) if self.lossless else ALPHA if self.alpha else (MP4,)

    def film_format(self, target: Path) -> FilmFormat:
        """The format of a film of this name.

        Raises:
            DocumentError: the name ends otherwise than such a film's.
        """
        for film in self.film_formats:
            if target.suffix.lower() == film.suffix:
                return film
        kind = "lossless " if self.lossless else "transparent " if self.alpha else ""
        endings = " or ".join(film.suffix for film in self.film_formats)
        raise DocumentError([Problem("output", f"the {kind}video {target.name!r} should end in {endings}")])


DEFAULT_SETTINGS = RenderSettings()


def refuse_for_a_video(settings: RenderSettings, backbone: object | None = None) -> None:
    """Refuse forms of a film that one of a video in place of the picture does not have.

    Raises:
        DocumentError: with the option to leave out.
    """
    asked = {"--alpha": settings.alpha, "--beginning": settings.beginning, "--backbone": backbone}
    for option, given in asked.items():
        if given:
            raise DocumentError([Problem("output", "the picture is a video", f"leave out {option}")])


def film_bytes(seconds: float, n_cast: int, size: tuple[int, int], settings: RenderSettings) -> int:
    """Rough size of a film with all that is written beside it, kept in the work folder, and made on the way.

    Args:
        seconds: length of the scene.
        n_cast: people.
        size: width and height of the video.
        settings: how.
    """
    pixels = (LOSSLESS_BYTES_A_PIXEL if settings.lossless or settings.alpha else BYTES_A_PIXEL) * FPS * math.prod(size)
    return round(seconds * (2 * pixels + 3 * SAMPLE_RATE + n_cast * CURVE_BYTES)) + made_bytes(seconds, n_cast)


def expected_stage_seconds(seconds: float, assignment: FaceAssignment, settings: RenderSettings) -> dict[str, float]:
    """Rough seconds of each stage on two idle cores, for the shares of the progress and to be scaled to a machine.

    Args:
        seconds: length of the scene.
        assignment: in the size in which it is rendered.
        settings: how.
    """
    n_faces = max(1, len(assignment.assigned))
    drawing = FPS * seconds * 0.006
    if assignment.clip is not None:
        megapixels = assignment.clip.facts.width * assignment.clip.facts.height / 1e6
        drawing = FPS * seconds * (0.012 * megapixels + DUBBED_FACE_SECONDS * n_faces)
    face_pixels = sum(FPS * person.face.inter_ocular**2 for person in assignment.assigned)
    return {
        "load models": 6,
        "speech and motion": seconds * n_faces * (0.03 + 0.004 * network_calls(settings.steps)),
        # setting a face up takes the same time for any length, or a short film would say nothing of a long one
        "rendering": 0.5 * n_faces + drawing + FPS * seconds * 0.016 * face_pixels / 512**2,
        "encoding": 1 + 0.05 * seconds,
    }


def expected_cost(report: Report, settings: RenderSettings = DEFAULT_SETTINGS) -> tuple[int, float]:
    """Rough bytes on the disk and seconds of work of a film, by the check of its scene; zeros where it has faults."""
    if report.problems or report.scene is None or report.assignment is None:
        return 0, 0.0
    assignment = report.assignment.resized(settings.greatest_height)
    rows, columns = assignment.picture.shape[:2]
    needed = film_bytes(report.seconds, len(report.scene.cast), (columns, rows), settings)
    return needed, sum(expected_stage_seconds(report.seconds, assignment, settings).values())
