"""Cutting a timeline at its pauses and joining the pieces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from generation.core.clock import SAMPLES_PER_FRAME
from generation.core.motion import INDEX, N_CHANNELS, MotionTrack
from generation.core.performance import CharacterPerformance, Gap, Line, Performance, Prosody, StoredPerformance
from studio.timeline.segments import FADE, Segment, join_performances, split
from studio.timeline.timeline import Timeline


def line(name: str, start: int, n_frames: int, character: int = 0) -> Line:
    return Line(name, character, start, n_frames, " ", (4 * n_frames,))


def timeline(*lines: Line) -> Timeline:
    return Timeline(lines, ("",) * len(lines), max(item.stop for item in lines) + 12)


def constant(segment: Segment, value: float) -> Performance:
    speech = np.full(segment.n_frames * SAMPLES_PER_FRAME, value, np.float32)
    motion = MotionTrack(np.full((segment.n_frames, N_CHANNELS), value, np.float32))
    return Performance((CharacterPerformance("A", speech, motion),), segment.n_frames)


def joined(scene: Timeline, parts: Iterable[Performance], folder: Path) -> Performance:
    whole = StoredPerformance.still(["A"], scene.n_frames, folder)
    join_performances(split(scene), parts, whole)
    return whole.whole()


SCENES = [
    timeline(line("a", 8, 50), line("b", 66, 40, 1), line("c", 114, 30)),
    timeline(line("a", 8, 50), line("b", 62, 5, 1), line("c", 71, 5), line("d", 90, 30, 1)),  # lines shorter than fades
    timeline(line("a", 0, 10), line("b", 300, 10)),
    timeline(line("a", 8, 50)),
]


@pytest.mark.parametrize("scene", SCENES)
def test_pieces_cover_the_scene_and_equal_pieces_join_to_themselves(scene: Timeline, tmp_path: Path) -> None:
    segments = split(scene)
    assert sorted(item.id for segment in segments for item in segment.lines) == sorted(item.id for item in scene.lines)
    whole = joined(scene, [constant(segment, 0.25) for segment in segments], tmp_path)
    np.testing.assert_allclose(whole.motion[0], 0.25, atol=1e-6)
    np.testing.assert_allclose(whole.speech[0], 0.25, atol=1e-6)


def test_lines_keep_their_place_on_the_clock() -> None:
    for segment in split(SCENES[0]):
        for item in segment.lines:
            (original,) = [whole for whole in SCENES[0].lines if whole.id == item.id]
            assert segment.start + item.start == original.start


def test_overlapping_and_close_lines_stay_together() -> None:
    segments = split(timeline(line("a", 8, 50), line("b", 40, 60, 1), line("c", 102, 30), line("d", 140, 9)))
    assert [[item.id for item in segment.lines] for segment in segments] == [["a", "b", "c"], ["d"]]


def test_a_line_is_spoken_by_its_own_piece_alone_and_the_head_passes_over_smoothly(tmp_path: Path) -> None:
    scene = SCENES[0]
    segments = split(scene)
    parts = [constant(s, float(i)) for i, s in enumerate(segments)]
    whole = joined(scene, parts, tmp_path)
    for index, item in enumerate(scene.lines):
        spoken = slice(item.start, item.stop)
        np.testing.assert_array_equal(whole.motion[0][spoken, INDEX["jawOpen"]], index)
        heard = whole.speech[0].reshape(-1, SAMPLES_PER_FRAME)[spoken]
        np.testing.assert_array_equal(heard, index)
    head = whole.motion[0][:, INDEX["headRotationY"]]
    assert np.abs(np.diff(head)).max() < 1.7 / FADE


def test_editing_one_line_leaves_the_other_pieces_the_same() -> None:
    before = [segment.key for segment in split(SCENES[0])]
    longer = timeline(line("a", 8, 50), line("other", 66, 52, 1), line("c", 126, 30))
    after = [segment.key for segment in split(longer)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_whatever_a_line_is_made_of_decides_its_key() -> None:
    """Fails when a field of a line is left out, so that what was made with another value would be taken for it."""
    others = {
        "id": "b", "character": 1, "start": 9, "phonemes": "a ", "durations": (100, 100), "language": "es",
        "recording": np.ones(50 * SAMPLES_PER_FRAME, np.float32), "adapters": (("sad", 0.5),),
        "prosody": Prosody(pitch=1.0), "gaps": (Gap(2, 5, 3),), "fade": (100, 120), "n_frames": 51,
        "melody": np.full(200, 60, np.float32),
    }  # fmt: skip
    assert set(others) == {field.name for field in fields(Line)}
    plain = Line("a", 0, 8, 50, "  ", (96, 104))
    longer = {"durations": (96, 108)}
    lines = [plain, *(replace(plain, **{n: v}, **(longer if n == "n_frames" else {})) for n, v in others.items())]
    assert len({Segment(0, 70, (each,), 0, 0, (0, 0)).key for each in lines}) == len(lines)


def test_a_long_scene_is_joined_a_segment_at_a_time(tmp_path: Path) -> None:
    """Fails when the segments, or the whole scene, are held at once."""
    scene = timeline(*(line(f"{i}", 100 * i, 90) for i in range(60)))
    whole = StoredPerformance.still(["A"], scene.n_frames, tmp_path)
    tracemalloc.start()
    join_performances(split(scene), (constant(segment, 0.25) for segment in split(scene)), whole)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.2 * 4 * len(whole.speech[0])
    np.testing.assert_allclose(whole.speech[0][:], 0.25, atol=1e-6)
