"""Newest finished video of a project, who speaks in it when, and the files that come with it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.core.storage import read_json
from studio.formats.subtitles import read_captions
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import jobs
from studio.project.project import Project
from studio.scene.document import load_scene
from studio.scene.line_names import line_names
from studio.scene.schema import Scene

_MIMES = {".mp4": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".webm": "video/webm",
          ".wav": "audio/wav", ".srt": "application/x-subrip", ".vtt": "text/vtt",
          ".csv": "text/csv", ".json": "application/json", ".otio": "application/json"}  # fmt: skip


@dataclass(frozen=True)
class SpokenLine:
    """A line in a video: its id, who says it, from ``start`` to ``end`` in seconds, and its words with their times."""

    id: str
    who: str
    text: str
    start: float
    end: float
    words: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class FinishedVideo:
    """A finished video.

    Attributes:
        job: which job made it.
        video: the file.
        label: what it is to the reader.
        seconds: its length.
        size: its width and height in pixels.
        lines: who says what and when.
        groups: its files by kind: video, burned, subtitles, stems, curves, otio.
        outdated: whether the scene was changed since.
    """

    job: Job
    video: Path
    label: str
    seconds: float
    size: tuple[int, int]
    lines: tuple[SpokenLine, ...]
    groups: dict[str, list[Path]]
    outdated: bool


def newest_video(project: Project, rendered: bool = False) -> FinishedVideo | None:
    """The newest finished video or preview of a project that is still there.

    Args:
        project: whose.
        rendered: only videos in full, no previews.
    """
    for job in jobs(project):
        wanted = job.kind == "render" and "film" not in job.options or job.kind == "preview" and not rendered
        if wanted:
            status = job.status()
            if status.state == "done" and (video := status.results.get("video")) is not None and video.is_file():
                return _finished(project, job, status, video)
    return None


@dataclass(frozen=True)
class OtherFilm:
    """A film of another format than MP4: the file, None while it is being made, and whether the scene was changed."""

    video: Path | None
    outdated: bool = False


def other_film(project: Project, film: str) -> OtherFilm | None:
    """The newest film of a format, a key of :data:`studio.jobs.job_kinds.FILM_SUFFIXES`; None where none was made."""
    for job in jobs(project):
        if job.kind == "render" and job.options.get("film") == film:
            status = job.status()
            video = status.results.get("video")
            if not status.ended:
                return OtherFilm(None)
            if status.state == "done" and video is not None and video.is_file():
                return OtherFilm(video, load_scene(job.scene_path) != project.scene)
    return None


def _finished(project: Project, job: Job, status: JobStatus, video: Path) -> FinishedVideo:
    seconds, size = facts(video)
    scene = load_scene(job.scene_path)
    label = "Quick preview, mouths are rough" if job.kind == "preview" else "Video"
    if job.options.get("draft"):
        label = "Draft"
    return FinishedVideo(job, video, label, seconds, size,
                tuple(spoken_lines(scene, status)), _groups(status, video), scene != project.scene)  # fmt: skip


@lru_cache(maxsize=16)
def facts(video: Path) -> tuple[float, tuple[int, int]]:
    """Length in seconds, width and height; a finished file never changes."""
    from moviepy.video.io.ffmpeg_reader import ffmpeg_parse_infos  # late: only where a finished film is shown

    found = ffmpeg_parse_infos(str(video))
    width, height = found["video_size"]
    return float(found["duration"]), (width, height)


def spoken_lines(scene: Scene, status: JobStatus) -> list[SpokenLine]:
    """Who says what and when: from the job's word times, or from its subtitles where it has none."""
    ids = line_names(scene, takes=False)
    timed: dict[str, list[dict[str, Any]]] = {}
    path = status.results.get("words")
    for word in (read_json(path) if path is not None else None) or ():
        timed.setdefault(word["line"], []).append(word)
    if timed:
        return [
            SpokenLine(line_id, line.speaker_label, line.text, words[0]["start"], words[-1]["end"], words)
            for line_id, line in zip(ids, scene.script, strict=True) if (words := timed.get(line_id))
        ]  # fmt: skip
    subtitles = status.results.get("vtt")
    if subtitles is None or not subtitles.is_file():
        return []
    return lines_of_subtitles(subtitles.read_text(encoding="utf-8"))


def lines_of_subtitles(text: str) -> list[SpokenLine]:
    """The captions of a WebVTT file with voice tags, as our export writes it."""
    return [SpokenLine("", cue.who, cue.text, cue.start, cue.stop) for cue in read_captions(text)]


def _groups(status: JobStatus, video: Path) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {"video": [video]}
    burned = video.with_name(f"{video.stem}.subtitled.mp4")
    if burned.is_file():
        groups["burned"] = [burned]
    for path in status.results.values():
        if path == video or not path.is_file():
            continue
        suffix = path.suffix.lower()
        group = {".srt": "subtitles", ".vtt": "subtitles", ".wav": "stems", ".csv": "curves", ".json": "curves",
                 ".otio": "otio"}.get(suffix)  # fmt: skip
        if group is not None and path not in (status.results.get("words"), status.results.get("lanes")):
            groups.setdefault(group, []).append(path)
    return groups


def zipped_files(made: FinishedVideo) -> Path:
    """ZIP of all files, made once beside the video."""
    target = made.video.with_name(f"{made.video.stem}.zip")
    files = [path for group in made.groups.values() for path in group]
    if target.is_file() and all(path.stat().st_mtime <= target.stat().st_mtime for path in files):
        return target
    partial = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as zipped:
        for path in files:
            zipped.write(path, path.name)
    return partial.replace(target)


def short_name(path: Path, made: FinishedVideo) -> str:
    """What a file is called on its button: the person and the kind."""
    name = path.name.removeprefix(f"{made.video.stem}.")
    kind = path.suffix[1:].upper()
    person = name.removesuffix(path.suffix)
    return kind if person in ("", path.stem, "subtitled") or name == path.suffix[1:] else f"{person}, {kind}"


def mime(path: Path) -> str:
    """The file's media type."""
    return _MIMES.get(path.suffix.lower(), "application/octet-stream")


def size(path: Path) -> str:
    """The file's size as a reader says it."""
    length = path.stat().st_size
    return f"{length / 1e6:.1f} MB" if length >= 1e5 else f"{max(1, round(length / 1e3))} kB"
