"""Adapters by character: nobody else feels them, they mix, they come off, and they work in both samplers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapter_fixtures import CAST, LINES, sampled_latents, stirred, write_adapter
from tiny import tiny_pipeline

from generation.core.performance import Performance
from generation.pipeline.joint import JointPipeline
from generation.pipeline.sampling import DEFAULT_GUIDANCE, Guidance, Sampling

FULL, DISTILLED = Sampling(steps=2), Sampling()
DEAF = Guidance(listen=0.0)
Strengths = dict[str, float]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("shelf")
    return {name: write_adapter(folder / f"{name}.safetensors", seed) for seed, name in enumerate(("sad", "glad"))}


@pytest.fixture(scope="module")
def pipeline(files: dict[str, Path]) -> JointPipeline:
    """With the distilled sampler, and both adapters loaded."""
    made = stirred(tiny_pipeline())
    decode = made.vocoder.decode
    made.vocoder.decode = lambda mel: decode(mel, iterations=2)
    for name, path in files.items():
        made.adapters.load(name, path)
    return made


def latents(
    pipeline: JointPipeline, *styles: Strengths, sampling: Sampling = FULL, guidance: Guidance = DEFAULT_GUIDANCE
) -> list[np.ndarray]:
    """Sampled audio and motion latents of Ann and Bo, (T, 457) each."""
    made = sampled_latents(pipeline, lambda: perform(pipeline, *styles, sampling=sampling, guidance=guidance))
    return list(np.concatenate(made, -1))


def perform(
    pipeline: JointPipeline, *styles: Strengths, sampling: Sampling = FULL, guidance: Guidance = DEFAULT_GUIDANCE
) -> Performance:
    cast = [replace(member, adapters=tuple(own.items())) for member, own in zip(CAST, styles, strict=True)]
    return pipeline(LINES, cast, 24, sampling=sampling, guidance=guidance)


@pytest.mark.parametrize("sampling", [FULL, DISTILLED], ids=["guided", "distilled"])
def test_strength_zero_is_the_base_bit_for_bit_and_unloading_restores_it(
    files: dict[str, Path], sampling: Sampling
) -> None:
    pipeline = stirred(tiny_pipeline())
    base = latents(pipeline, {}, {}, sampling=sampling)
    pipeline.adapters.load("sad", files["sad"])
    for styles in (({}, {}), ({"sad": 0.0}, {"sad": 0.0})):
        for a, b in zip(base, latents(pipeline, *styles, sampling=sampling)):
            assert a.tobytes() == b.tobytes()
    moved = latents(pipeline, {"sad": 1.0}, {}, sampling=sampling)
    assert np.abs(moved[0] - base[0]).max() > 1e-2
    pipeline.adapters.unload("sad")
    for a, b in zip(base, latents(pipeline, {}, {}, sampling=sampling)):
        assert a.tobytes() == b.tobytes()
    with pytest.raises(ValueError, match=r"^The adapter 'sad' is not loaded; loaded are: none\.$"):
        perform(pipeline, {"sad": 0.5}, {})


@pytest.mark.parametrize("sampling", [FULL, DISTILLED], ids=["guided", "distilled"])
def test_each_has_their_own_and_without_hearing_nobody_feels_the_others(
    pipeline: JointPipeline, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sampling is DISTILLED:  # its one call has no separate pass for hearing
        deaf = lambda self, audio, line_numbers: audio.new_zeros(*audio.shape[:3], 402)  # noqa: E731
        monkeypatch.setattr("generation.pipeline.joint.Listeners.loudest", deaf)
    run = [
        latents(pipeline, *styles, sampling=sampling, guidance=DEAF)
        for styles in (({}, {}), ({"sad": 1.0}, {}), ({"sad": 1.0}, {"glad": 0.7}), ({}, {"glad": 0.7}))
    ]
    plain, first, both, second = run
    np.testing.assert_allclose(first[1], plain[1], rtol=0, atol=1e-4)
    np.testing.assert_allclose(both[0], first[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(both[1], second[1], rtol=0, atol=1e-4)
    assert np.abs(first[0] - plain[0]).max() > 1e-2 and np.abs(both[1] - plain[1]).max() > 1e-2


def test_what_is_heard_does_reach_the_others_faces(pipeline: JointPipeline) -> None:
    plain, sad = (latents(pipeline, own, {}) for own in ({}, {"sad": 1.0}))
    np.testing.assert_allclose(sad[1][:, :400], plain[1][:, :400], rtol=0, atol=1e-4)
    assert np.abs(sad[1][:, 400:] - plain[1][:, 400:]).max() > 1e-4


def test_the_order_of_the_cast_changes_nothing(pipeline: JointPipeline) -> None:
    cast = [replace(member, adapters=((name, 0.8),)) for member, name in zip(CAST, ("sad", "glad"))]
    turned = [replace(line, character=1 - line.character) for line in LINES]
    a = pipeline(LINES, cast, 24, sampling=FULL)
    b = pipeline(turned, cast[::-1], 24, sampling=FULL)
    for k in range(2):
        one, other = a.characters[k].motion.values, b.characters[1 - k].motion.values
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-4)


def test_a_mixture_lies_between(pipeline: JointPipeline) -> None:
    sad, glad, half = (
        latents(pipeline, own, {})[0] for own in ({"sad": 1.0}, {"glad": 1.0}, {"sad": 0.5, "glad": 0.5})
    )
    apart = np.linalg.norm(sad - glad)
    assert max(np.linalg.norm(half - sad), np.linalg.norm(half - glad)) < 0.8 * apart
    along = float(((half - sad) * (glad - sad)).sum() / apart**2)
    assert 0.3 < along < 0.7


def test_more_strength_moves_farther(pipeline: JointPipeline) -> None:
    base = latents(pipeline, {}, {})[0]
    moved = [np.linalg.norm(latents(pipeline, {"sad": s}, {})[0] - base) for s in (0.25, 0.5, 1.0)]
    assert 0 < moved[0] < moved[1] < moved[2]


def test_a_layer_scales_each_characters_share_and_stacked_passes_keep_theirs(pipeline: JointPipeline) -> None:
    """Against the matrices themselves, for all forms of input that layers get."""
    torch.manual_seed(0)
    transformer = pipeline.transformer
    transformer.disable_adapters()
    for layer, shape in (
        ("blocks.0.audio.to_qkv", (4, 2, 5, 32)),
        ("blocks.1.motion.modulation", (4, 2, 1, 16)),
        ("mel_head.detail", (4, 2, 5, 32)),
        ("mel_head.blocks.0.mix", (8, 6, 160)),
    ):
        module = transformer.get_submodule(layer)
        x = torch.randn(shape)
        base = module(x)
        with pipeline.adapters.active([{"sad": 1.0}, {"glad": 0.5}]):
            got = module(x)
        for k, (name, strength) in enumerate((("sad", 1.0), ("glad", 0.5))):
            down, up = pipeline.adapters._loaded[name].layers[layer]
            rows = slice(k, None, 2) if layer.startswith("mel_head.blocks") else (slice(None), k)
            wanted = base[rows] + strength * (x[rows] @ down.T @ up.T)
            torch.testing.assert_close(got[rows], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan")])
def test_impossible_strengths_are_refused(pipeline: JointPipeline, strength: float) -> None:
    with pytest.raises(ValueError, match=r"strength of the adapter 'sad'"):
        perform(pipeline, {"sad": strength}, {})


def test_an_adapter_of_other_weights_is_refused(files: dict[str, Path]) -> None:
    pipeline = tiny_pipeline()
    pipeline.transformer.audio_in.weight.data += 0.1
    with pytest.raises(RuntimeError, match="other weights"):
        pipeline.adapters.load("sad", files["sad"])
    assert pipeline.adapters.names == ()


def test_an_adapter_of_one_stream_leaves_what_that_stream_does_not_reach(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    about = pipeline.adapters.load("moves", write_adapter(tmp_path / "moves.safetensors", 5, "motion"))
    assert about.part == "motion" and about.rank == 2
    names = pipeline.adapters._loaded["moves"].layers
    assert names and all(".motion." in name for name in names)
