"""Styles in scenes: found by name or file, refused in a sentence, part of what is made, listed and said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from adapter_fixtures import write_adapter
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_pipeline

from generation.adapters.lora import base_hash
from generation.adapters.metadata import shipped_base
from generation.core import assets as resources
from generation.core.delivery import Delivery
from studio.cli import main
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene
from studio.scene.styles import delivery_of, known_styles, read_style

SLOW = {"does": "Slow and low.", "licence": "Apache-2.0", "delivery": json.dumps({"tempo": 0.8, "pauses": 1.5})}


@pytest.fixture
def tiny(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny assets as those that ship, with an empty shelf."""
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    monkeypatch.setattr("generation.adapters.metadata.assets_root", lambda: assets)
    shutil.rmtree(assets / "adapters", ignore_errors=True)
    return assets


def scene(**styles: dict[str, float]) -> Scene:
    cast = [{"name": name, "voice": "Alice", "role": "narrator", "styles": own} for name, own in styles.items()]
    lines = [{"who": name, "text": "One, two, three."} for name in styles]
    return Scene.model_validate({"picture": "", "cast": cast, "script": lines})


def test_the_base_is_told_without_torch_as_it_is_with_it(tiny: Path) -> None:
    assert shipped_base() == base_hash(tiny_pipeline().transformer)


def test_names_of_the_shelf_and_files_beside_the_scene(tiny: Path, tmp_path: Path) -> None:
    write_adapter(tiny / "adapters" / "weary.safetensors", 0, **SLOW)
    write_adapter(tmp_path / "joe.safetensors", 1, kind="voice", consent="me")
    assert known_styles(tmp_path) == ["weary", "joe.safetensors"]
    assert read_style("weary", tmp_path).does == "Slow and low."
    assert delivery_of({"weary": 1.0, "joe.safetensors": 1.0}, tmp_path) == Delivery(tempo=0.8, pauses=1.5)
    with pytest.raises(ValueError, match=r"^The style 'wery' is not known; did you mean 'weary'\?$"):
        read_style("wery", tmp_path)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"kind": "voice"}, "without a record of consent"),
        ({"kind": "motion", "consent": "agreed"}, "who agreed, when and how"),
        ({"base": "0" * 32}, "made for other weights"),
        ({"kind": "distilled_sampler"}, "a sampler's adapter"),
        ({"kind": "trojan"}, "impossible things"),
        ({"delivery": '{"tempo": NaN}'}, "impossible things"),
        ({"delivery": '{"lids": 0.7}'}, "impossible things"),
        ({"delivery": '{"blinks": 1' + 400 * "0" + "}"}, "impossible things"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    tiny: Path, tmp_path: Path, about: dict[str, str], said: str
) -> None:
    path = write_adapter(tmp_path / "x.safetensors", 0)
    with safe_open(path, "pt") as file:
        written = dict(file.metadata())
    save_file(load_file(path), path, written | about)
    with pytest.raises(ValueError, match=rf"^The style 'x.safetensors'[^\n]*{said}[^\n]*\.$"):
        read_style("x.safetensors", tmp_path)
    path.write_bytes(b"no adapter")
    with pytest.raises(ValueError, match=r"^The style 'x.safetensors': The adapter x is damaged [^\n]*\.$"):
        read_style("x.safetensors", tmp_path)


def test_each_speaks_in_their_own_style_and_pieces_know_it(tiny: Path, tmp_path: Path) -> None:
    write_adapter(tiny / "adapters" / "weary.safetensors", 0, **SLOW)
    models = Models.load("cpu")
    decode = models.pipeline.vocoder.decode
    models.pipeline.vocoder.decode = lambda mel: decode(mel, iterations=2)

    def made(work: Path, **styles: dict[str, float]):  # noqa: ANN202
        speech = ScenePerformer(scene(**styles), tmp_path, models, seed=0, steps=2)
        timeline = speech.timeline()
        progress = Progress([Stage("speech", 1)], lambda status: None)
        with progress.running():
            progress.start("speech")
            performance = speech.perform(timeline, np.eye(2, dtype=np.float32), np.zeros(2), work, progress).whole()
        return timeline, performance, speech.generated

    plain, before, _ = made(tmp_path / "work", ANN={}, BOB={})
    slow, after, share = made(tmp_path / "work", ANN={"weary": 1.0}, BOB={})
    assert share > 0
    lengths = [[line.n_frames for line in timeline.lines] for timeline in (plain, slow)]
    assert lengths[1][0] > 1.1 * lengths[0][0] and lengths[1][1] == lengths[0][1]
    bob = [t.lines[1] for t in (plain, slow)]
    spoken = [p.characters[1].speech[960 * b.start : 960 * b.stop] for p, b in zip((before, after), bob)]
    np.testing.assert_allclose(*spoken, atol=2e-3)
    assert made(tmp_path / "work", ANN={"weary": 1.0}, BOB={})[2] == 0
    assert made(tmp_path / "work", ANN={"weary": 0.5}, BOB={})[2] > 0
    assert made(tmp_path / "work", ANN={"weary": 0.0}, BOB={})[2] == 0, "strength 0 is the base"


def test_styles_lists_the_shelf_or_says_that_it_is_empty(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["styles"]) == 0
    assert capsys.readouterr().out.startswith("No style ships with these weights yet;")
    write_adapter(tiny / "adapters" / "weary.safetensors", 0, **SLOW)
    assert main(["styles"]) == 0
    assert capsys.readouterr().out == "weary        Slow and low. (speech and motion)\n"


def test_a_line_is_said_in_a_style_and_a_wrong_one_refused(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_adapter(tiny / "adapters" / "weary.safetensors", 0, **SLOW)
    target = tmp_path / "out.wav"
    line = ["say", "Good morning.", "--voice", "Alice", "--steps", "1", "-o", str(target), "--device", "cpu"]
    assert main([*line, "--style", "wary:0.5", "--style", "weary:3"]) == 1
    said = capsys.readouterr().err
    assert "The style 'wary' is not known; did you mean 'weary'?" in said and "from 0 to 1.5; it is 3" in said
    assert not target.exists()
    assert main([*line, "--style", "weary:0.5"]) == 0 and target.stat().st_size > 1000
