"""A style's strength in single lines of a scene: read, checked, part of what is made, and gone from the next line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from adapter_fixtures import write_adapter

from generation.core import assets as resources
from generation.core.motion import INDEX
from studio.core.progress import Progress, Stage
from studio.editing.actions import SetStyles
from studio.editing.script_edits import apply_line_action
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.project.restore import media_names, with_files
from studio.scene.retakes import with_retake
from studio.scene.schema import Scene
from studio.scene.screenplay import print_lines
from studio.validation.scene_check import check_scene


@pytest.fixture
def tiny(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny assets as those that ship, with one style, and one that is a voice."""
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    monkeypatch.setattr("generation.adapters.metadata.assets_root", lambda: assets)
    shutil.rmtree(assets / "adapters", ignore_errors=True)
    write_adapter(assets / "adapters" / "weary.safetensors", 0, delivery=json.dumps({"tempo": 0.8, "lids": 0.3}))
    write_adapter(assets / "adapters" / "joe.safetensors", 1, kind="voice", consent="me")
    return assets


def scene(*styles: dict[str, float] | str, cast: dict[str, float] | None = None) -> Scene:
    member = {"name": "ANN", "voice": "Alice", "styles": cast or {}}
    lines = [{"who": "ANN", "text": "One, two, three.", "pause": 1, "styles": own} for own in styles]
    return Scene.model_validate({"picture": "", "cast": [member], "script": lines})


def test_only_the_line_with_the_style_changes(tiny: Path, tmp_path: Path) -> None:
    """Its sound, its pace, its lids and its key; fails where a line's strength is ignored anywhere."""
    models = Models.load("cpu")
    decode = models.pipeline.vocoder.decode
    models.pipeline.vocoder.decode = lambda mel: decode(mel, iterations=2)
    made = []
    for own in ({}, {"weary": 1.0}):
        performer = ScenePerformer(scene({}, own), tmp_path, models, steps=1)
        timeline = performer.timeline()
        progress = Progress([Stage("speech and motion", 1)])
        how = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
        keys = performer.segment_keys(timeline, *how)
        part = performer.perform(timeline, *how, tmp_path / "work", progress).whole().characters[0]
        sounds = [part.speech[960 * line.start : 960 * line.stop] for line in timeline.lines]
        made.append((timeline.lines, list(keys.values()), sounds, part.motion.values))
    (plain, keys, sounds, motion), (slow, own_keys, own_sounds, own_motion) = made
    assert slow[0].n_frames == plain[0].n_frames and slow[1].n_frames > 1.1 * plain[1].n_frames
    assert slow[1].adapters and not slow[0].adapters
    assert own_keys[1] != keys[1]
    np.testing.assert_allclose(own_sounds[0], sounds[0], atol=2e-3)
    length = min(len(own_sounds[1]), len(sounds[1]))
    assert np.abs(own_sounds[1][:length] - sounds[1][:length]).max() > 1e-2
    lid = INDEX["eyeBlinkLeft"]
    lids = [values[line.start : line.stop, lid].min() for values, line in ((motion, plain[1]), (own_motion, slow[1]))]
    assert lids[1] >= 0.29 > lids[0], "its lids hang"


def test_the_check_names_styles_that_a_line_cannot_have(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "picture: ''\ncast:\n- {name: ANN, voice: Alice, role: narrator}\nscript:\n"
        "- {who: ANN, text: Hello., styles: {wery: 1}}\n- {who: ANN, text: Hello., styles: joe 0.5}\n"
        "- {who: ANN, text: Hello., styles: weary 2}\n"
    )
    said = "\n".join(map(str, check_scene(path).problems))
    assert "script line 1 (ANN): the style 'wery' is not known; did you mean 'weary'?" in said
    assert "script line 2 (ANN): the style 'joe' is a voice, which stays the same in all lines" in said
    assert "less than or equal to 1.5" in said


def test_a_line_names_its_styles_in_one_text(tiny: Path) -> None:
    made = scene("weary 0.4 + my own.safetensors").script[0]
    assert made.styles == {"weary": 0.4, "my own.safetensors": 1.0}
    assert "(pause 1.0, styles weary 0.4 + my own.safetensors 1)" in print_lines([made])


def test_files_of_a_line_are_files_of_the_scene() -> None:
    made = scene({"own.safetensors": 0.5})
    assert media_names(made) == ["own.safetensors"]
    assert with_files(made, {"own.safetensors": "media/own.safetensors"}).script[0].styles == {
        "media/own.safetensors": 0.5
    }


def test_the_page_sets_a_lines_styles(tiny: Path) -> None:
    before = scene({})
    after, what = apply_line_action(before, SetStyles(index=0, value="weary 0.5"))
    assert after.script[0].styles == {"weary": 0.5} and what == "Styles of line 1"
    assert apply_line_action(after, SetStyles(index=0, value=""))[0] == before
    with pytest.raises(ValueError, match=r"^Styles of a line are written as: whisper 0\.8 \+ weary\.$"):
        apply_line_action(before, SetStyles(index=0, value="weary 9"))
    again = with_retake(before, 0, 0.2, 0.6, [], 2.0, take=1)
    assert apply_line_action(again, SetStyles(index=0, value="weary 0.5"))[0].script[0].retakes == ()
