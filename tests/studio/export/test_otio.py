"""The timeline for video editors, read back by OpenTimelineIO's own library."""

from __future__ import annotations

from pathlib import Path

import pytest

from generation.core.performance import Line
from studio.export.otio import write_otio
from studio.timeline.timeline import Timeline

otio = pytest.importorskip("opentimelineio")


def line(name: str, start: int, n_frames: int, character: int) -> Line:
    return Line(name, character, start, n_frames, " ", (4 * n_frames,))


def test_every_line_is_a_clip_at_its_place(tmp_path: Path) -> None:
    lines = (line("a", 8, 50, 0), line("b", 50, 20, 1), line("c", 90, 30, 0))
    timeline = Timeline(lines, ("One.", "Two – ö.", "Three."), 132)
    stems = {"ANNA": tmp_path / "film.ANNA.wav", "BEN": tmp_path / "film.BEN.wav"}
    target = tmp_path / "film.otio"
    names = ["ANNA", "BEN", "SILENT"]
    write_otio(timeline, names, target, title="Café", video=tmp_path / "film.mp4", stems=stems)
    read = otio.adapters.read_from_file(str(target))
    assert read.name == "Café" and read.duration() == otio.opentime.RationalTime(132, 25)
    assert [(track.name, track.kind) for track in read.tracks] == [
        ("Video", "Video"), ("ANNA", "Audio"), ("BEN", "Audio"),
    ]  # fmt: skip
    placed = {}
    for clip in read.find_clips():
        span = clip.transformed_time_range(clip.source_range, read.tracks)
        placed[clip.name] = (span.start_time.value, span.duration.value, clip.media_reference.target_url)
        assert clip.source_range.start_time == span.start_time  # a stem is as long as the film
    assert placed == {
        "Café": (0, 132, "film.mp4"),
        "One.": (8, 50, "film.ANNA.wav"),
        "Two – ö.": (50, 20, "film.BEN.wav"),
        "Three.": (90, 30, "film.ANNA.wav"),
    }
    marker = next(clip for clip in read.find_clips() if clip.name == "Three.").markers[0]
    assert marker.name == "ANNA: Three." and marker.marked_range.start_time.value == 90
