"""A finished scene as an OpenTimelineIO file: the video, a track a person with a clip for every line, and markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generation.core.clock import FPS
from studio.core.storage import write_json
from studio.timeline.timeline import Timeline

# The file is plain JSON in the schemas that OpenTimelineIO documents; its library reads it back in a test.


def write_otio(
    timeline: Timeline, names: Sequence[str], path: Path, *, title: str, video: Path, stems: Mapping[str, Path]
) -> Path:
    """Write the timeline of a finished scene for video editors.

    One video track holds the film; then each person has an audio track that is their stem, cut into one clip a line, so
    that lines can be moved. Media are named relative to the file.

    Args:
        timeline: who says what when.
        names: the cast, by ``Line.character``.
        path: the file, ``.otio``.
        title: of the timeline.
        video: the finished film.
        stems: each person's sound over the whole scene, by name; those without one get no track.

    Raises:
        StorageError: nothing was written.
    """
    whole = timeline.n_frames
    tracks = [_track("Video", "Video", [_clip(title, video, path, whole, 0, whole)])]
    for index, name in enumerate(names):
        if name not in stems:
            continue
        children: list[dict[str, Any]] = []
        at = 0
        written = zip(timeline.lines, timeline.texts, strict=True)
        spoken = [(voiced, text) for line, text in written for voiced in timeline.of_all_speakers(line)]
        for line, text in sorted(spoken, key=lambda pair: pair[0].start):
            if line.character != index:
                continue
            if line.start > at:
                children.append(_gap(line.start - at))
            clip = _clip(text or name, stems[name], path, whole, line.start, line.n_frames)
            clip["markers"] = [_marker(f"{name}: {text}" if text else name, line.start, line.n_frames)]
            children.append(clip)
            at = line.stop
        if children:
            tracks.append(_track(name, "Audio", children))
    stack = _item("Stack.1", "tracks", None) | {"children": tracks}
    data = {"OTIO_SCHEMA": "Timeline.1", "name": title, "metadata": {}, "global_start_time": None, "tracks": stack}
    write_json(path, data)
    return path


def _item(schema: str, name: str, source_range: dict[str, Any] | None) -> dict[str, Any]:
    """What everything in a composition has."""
    return {
        "OTIO_SCHEMA": schema,
        "name": name,
        "metadata": {},
        "source_range": source_range,
        "effects": [],
        "markers": [],
        "enabled": True,
    }


def _track(name: str, kind: str, children: list[dict[str, Any]]) -> dict[str, Any]:
    return _item("Track.1", name, None) | {"kind": kind, "children": children}


def _gap(n_frames: int) -> dict[str, Any]:
    return _item("Gap.1", "", _range(0, n_frames))


def _clip(name: str, media: Path, beside: Path, whole: int, start: int, n_frames: int) -> dict[str, Any]:
    """``n_frames`` frames from ``start`` of a file of ``whole`` frames."""
    relative = media.relative_to(beside.parent).as_posix() if media.is_relative_to(beside.parent) else media.name
    reference: dict[str, Any] = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": media.name,
        "metadata": {},
        "available_range": _range(0, whole),
        "available_image_bounds": None,
        "target_url": relative,
    }
    if media.suffix == ".png":
        prefix, number = media.stem.rsplit(".", 1)
        reference |= {
            "OTIO_SCHEMA": "ImageSequenceReference.1",
            "target_url_base": relative.removesuffix(media.name),
            "name_prefix": f"{prefix}.",
            "name_suffix": media.suffix,
            "start_frame": int(number),
            "frame_step": 1,
            "rate": float(FPS),
            "frame_zero_padding": len(number),
            "missing_frame_policy": "error",
        }
        del reference["target_url"]
    return _item("Clip.2", name, _range(start, n_frames)) | {
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _marker(name: str, start: int, n_frames: int) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": name,
        "metadata": {},
        "color": "CYAN",
        "marked_range": _range(start, n_frames),
        "comment": "",
    }


def _range(start: int, n_frames: int) -> dict[str, Any]:
    times = [{"OTIO_SCHEMA": "RationalTime.1", "rate": float(FPS), "value": float(v)} for v in (start, n_frames)]
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": times[0], "duration": times[1]}
