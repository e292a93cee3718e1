"""A style's strength in single lines: it holds in the line's frames, for the voice and the faces that the line has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from adapter_fixtures import CAST, LINES, sampled_latents, stirred, write_adapter
from tiny import tiny_pipeline

from generation.adapters.routing import _at_rate
from generation.core.performance import Line
from generation.pipeline.adapter_strengths import AdapterStrengths
from generation.pipeline.face_routing import route
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import Sampling


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> JointPipeline:
    made = stirred(tiny_pipeline())
    decode = made.vocoder.decode
    made.vocoder.decode = lambda mel: decode(mel, iterations=2)
    made.adapters.load("sad", write_adapter(tmp_path_factory.mktemp("shelf") / "sad.safetensors", 0, "audio"))
    return made


def spoken(pipeline: JointPipeline, lines: list[Line], strength: float = 0.0) -> list[np.ndarray]:
    """Sampled audio latents of each line, (n, 400)."""
    cast = [replace(member, adapters=(("sad", strength),)) for member in CAST]
    audio, _ = sampled_latents(pipeline, lambda: pipeline(lines, cast, 24, sampling=Sampling(steps=2)))
    return [audio[line.character, line.start : line.stop] for line in lines]


def test_a_line_sounds_as_if_its_speaker_had_its_strength(pipeline: JointPipeline) -> None:
    """Fails when a line's own strength is ignored, and when it reaches another line or only part of the network."""
    usual, strong = (spoken(pipeline, list(LINES), strength) for strength in (0.0, 1.0))
    assert np.abs(strong[0] - usual[0]).max() > 1e-2
    first, second = LINES
    made = spoken(pipeline, [replace(first, adapters=(("sad", 1.0),)), second])
    np.testing.assert_allclose(made[0], strong[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(made[1], usual[1], rtol=0, atol=1e-4)


def test_a_line_turns_a_style_off(pipeline: JointPipeline) -> None:
    usual = spoken(pipeline, list(LINES))
    made = spoken(pipeline, [replace(line, adapters=(("sad", 0.0),)) for line in LINES], 1.0)
    np.testing.assert_allclose(made[0], usual[0], rtol=0, atol=1e-4)


def test_strengths_hold_where_the_line_is() -> None:
    """Of the voice that says it and the face that it comes out of, which passes over; of nobody else."""
    weights = np.zeros((2, 2, 60), np.float32)
    weights[0, 1], weights[1, 0] = 1, 1  # each speaks through the other's face
    line = Line("a", 0, 20, 20, " ", (80,), adapters=(("sad", 0.8),))
    cast = [replace(CAST[0], adapters=(("sad", 0.2),)), replace(CAST[1], adapters=())]
    speaking = np.zeros((2, 60), bool)
    speaking[0, 20:40] = True
    made = AdapterStrengths.of([line], cast, route(weights, speaking))
    voice = made.voices[0]["sad"]
    assert voice[20:40] == pytest.approx(0.8) and voice[:20] == pytest.approx(0.2) and voice[40:] == pytest.approx(0.2)
    assert "sad" not in made.voices[1] and made.faces[0]["sad"] == 0.2
    face = made.faces[1]["sad"]
    assert face[30] == pytest.approx(0.8) and face[5] == face[55] == 0 and np.abs(np.diff(face)).max() < 0.1
    (of_voices, _) = made.window(10, 30)
    assert of_voices[0]["sad"] == pytest.approx(voice[10:40])


def test_strengths_of_frames_fit_layers_of_every_rate() -> None:
    scale = torch.tensor([0.0, 1.0, 0.5])[None, :, None]
    assert torch.equal(_at_rate(scale, 3), scale) and _at_rate(scale, 1) is scale
    assert _at_rate(scale, 12)[0, :, 0].tolist() == [0.0] * 4 + [1.0] * 4 + [0.5] * 4


def test_a_strength_out_of_range_is_named_by_its_number(pipeline: JointPipeline) -> None:
    """Fails when a track's lowest strength is named in place of the one that is too high."""
    for strength, said in ((np.float32([0.2, 9.0]), "9"), (np.float32([-0.5, 1.0]), "-0.5"), (7.0, "7")):
        with (
            pytest.raises(ValueError, match=f"'sad' is {said}; it should be from 0 to"),
            pipeline.adapters.active([{"sad": strength}]),
        ):
            pass
