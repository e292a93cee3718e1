"""A word replaced in a spoken line: outside the word and its joins no sample changes, and no motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.core import assets as resources
from generation.core.clock import samples_from_frames
from generation.core.motion import INDEX, MOUTH
from generation.core.performance import StoredPerformance
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.performance.recorded_lines import MARGIN
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

JOIN = 60 * 24
"""Samples on either side of a new word that may change."""


@pytest.fixture(autouse=True)
def tiny(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models in place of those that ship."""
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    monkeypatch.setattr("generation.adapters.metadata.assets_root", lambda: assets)


def perform(folder: Path, *words: dict) -> tuple[Timeline, StoredPerformance, ScenePerformer]:
    cast = [{"name": "ANNA", "voice": "Alice"}, {"name": "BOB", "voice": "Arthur"}]
    script = [{"who": "ANNA", "text": "We meet on Tuesday at noon.", "words": words}, {"who": "BOB", "text": "Fine."}]
    scene = Scene.model_validate({"picture": "p.png", "cast": cast, "script": script})
    performer = ScenePerformer(scene, folder, Models.load("cpu"), seed=3, steps=1)
    timeline, progress = performer.timeline(), Progress([Stage("speech", 1)])
    progress.start("speech")
    return timeline, performer.perform(timeline, np.eye(2), np.zeros(2), folder, progress), performer


def test_only_the_word_and_its_joins_change(tmp_path: Path) -> None:
    timeline, before, _ = perform(tmp_path)
    new, after, performer = perform(tmp_path, {"word": "Tuesday", "to": "Wednesday morning"})
    assert performer.generated < 1, "what was spoken before the word was replaced is kept"
    old_line, line = timeline.lines[0], new.lines[0]
    (gap,) = line.gaps
    moved = samples_from_frames(line.n_frames - old_line.n_frames)
    assert moved > 0
    was, now = before.speech[0][:], after.speech[0][:]
    first = samples_from_frames(line.start + gap.first) - JOIN
    stop = samples_from_frames(line.start + gap.stop) + JOIN
    last = samples_from_frames(line.stop)
    np.testing.assert_array_equal(now[:first], was[:first])
    np.testing.assert_array_equal(now[stop:last], was[stop - moved : last - moved])
    made = now[first + JOIN : stop - JOIN]
    assert made.std() > 1e-4 and not np.array_equal(made[:4000], was[first + JOIN : first + JOIN + 4000])

    face_was, face = before.motion[0][:], after.motion[0][:]
    begin, end = line.start + gap.first - MARGIN, line.start + gap.stop + MARGIN
    shift = line.n_frames - old_line.n_frames
    mouth = [INDEX[name] for name in MOUTH]  # eyes are drawn over the whole scene afterwards
    for kept, former in (
        (slice(line.start, begin), slice(line.start, begin)),
        (slice(end, line.stop), slice(end - shift, line.stop - shift)),
    ):
        assert kept.stop > kept.start and face_was[former][:, mouth].std() > 0
        np.testing.assert_allclose(face[kept][:, mouth], face_was[former][:, mouth], atol=1e-5)


def test_the_other_line_keeps_its_sound(tmp_path: Path) -> None:
    timeline, before, _ = perform(tmp_path)
    new, after, _ = perform(tmp_path, {"word": "noon", "to": "night"})
    old, line = (
        samples_from_frames(t.lines[1].start) + np.arange(samples_from_frames(t.lines[1].n_frames))
        for t in (timeline, new)
    )
    np.testing.assert_array_equal(before.speech[1][:][old], after.speech[1][:][line])
