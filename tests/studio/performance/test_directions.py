"""Directions in finished motion and sound: they move what they name and leave the take as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.core.clock import samples_from_frames
from generation.core.motion import INDEX
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene


@pytest.fixture(autouse=True)
def tiny(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models in place of those that ship."""
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


def perform(folder: Path, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Motion (T, 57) of who says a line, and the line's sound (S,)."""
    cast = [{"name": "ANNA", "voice": "Alice"}, {"name": "BOB", "voice": "Arthur"}]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": [{"who": "ANNA", "text": text}]})
    performer = ScenePerformer(scene, folder, Models.load("cpu"), seed=3, steps=1)
    timeline, progress = performer.timeline(), Progress([Stage("speech", 1)])
    progress.start("speech")
    sides = np.array((-0.5, 0.5), np.float32)
    made = performer.perform(timeline, np.eye(2, dtype=np.float32), sides, folder, progress)
    (line,) = timeline.lines
    return made.motion[0][:], made.speech[0][samples_from_frames(line.start) : samples_from_frames(line.stop)]


def test_a_direction_reaches_head_face_eyes_and_sound(tmp_path: Path) -> None:
    """Fails when heads, faces, gazes or prosody of the directed scene are left out of what is made."""
    plain, sound = perform(tmp_path, "We meet on Tuesday at noon.")
    acted, same = perform(tmp_path, "(nods, raises her eyebrows, looks up) We meet on Tuesday at noon.")
    changed = acted - plain
    assert np.degrees(changed[:, INDEX["headRotationX"]]).max() == pytest.approx(10, abs=1)
    assert changed[:, INDEX["browInnerUp"]].max() == pytest.approx(0.6, abs=0.01)
    assert changed[:, INDEX["eyeLookUpLeft"]].max() > 0.2
    assert np.array_equal(changed[:, INDEX["cheekPuff"]], np.zeros(len(changed))) and np.array_equal(sound, same)
    _, loud = perform(tmp_path, "(loudly) We meet on Tuesday at noon.")
    assert 20 * np.log10(loud.std() / sound.std()) == pytest.approx(6, abs=0.5)
