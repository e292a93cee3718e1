"""The distilled sampler: the adapter's file, its loss, and sampling with it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapter_fixtures import CAST, LINES, stirred
from peft.utils import get_peft_model_state_dict
from random_networks import tiny_transformer
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_pipeline

from generation.adapters.lora import FILE, base_hash, load_adapter, save_adapter, switch_adapters
from generation.core.weights import load_strict
from generation.data.dialogue_dataset import DialogueBatch
from generation.data.joint_dataset import Batch
from generation.models.joint_inputs import JointInputs
from generation.models.transformer import JointTransformer
from generation.pipeline.guidance import guided_velocities
from generation.pipeline.sampling import (
    DISTILLED_ADAPTER,
    DISTILLED_STEPS,
    GUIDED_STEPS,
    Sampling,
    network_calls,
)
from generation.training.depth_growth import grow_depth
from generation.training.distillation import (
    RANK,
    AdapterFiles,
    _states_of_the_sampler,
    _teacher,
    distillation_loss,
    student,
)
from generation.training.trainer import FitSettings, fit


def batch(size: int = 3, n: int = 12) -> Batch:
    torch.manual_seed(5)
    given = torch.zeros(size, 1, n)
    given[:, :, :3] = 1
    return Batch(
        torch.randn(size, 1, n, 400), torch.randn(size, 1, n, 57), torch.randint(0, 40, (size, 1, 4 * n)),
        torch.rand(size, 1, 4 * n, 2), torch.eye(2)[torch.arange(size) % 2][:, None], given, torch.zeros(size, 1, n),
        torch.randn(size, 1, n, 402), torch.ones(size, 1, n), torch.ones(size, 1, n, dtype=torch.long),
        torch.zeros(size, 1, dtype=torch.long),
    )  # fmt: skip


def test_a_fresh_adapter_changes_nothing_and_the_full_sampler_never_sees_it() -> None:
    plain = tiny_pipeline()(LINES, CAST, 24, sampling=Sampling(steps=2))
    pipeline = stirred(tiny_pipeline())
    with_it = pipeline(LINES, CAST, 24, sampling=Sampling(steps=2))
    few = pipeline(LINES, CAST, 24, sampling=Sampling(steps=None))
    again = pipeline(LINES, CAST, 24, sampling=Sampling(steps=2))
    for a, b, c, d in zip(*(x.characters for x in (plain, with_it, again, few)), strict=True):
        assert np.array_equal(a.motion.values, b.motion.values) and np.array_equal(b.motion.values, c.motion.values)
        assert np.array_equal(a.speech, c.speech)
        assert np.abs(a.motion.values - d.motion.values).max() > 1e-3


def test_a_merged_adapter_does_what_it_does_beside_the_weights_and_leaves_them_as_they_were() -> None:
    transformer = stirred(tiny_pipeline()).transformer
    examples, before = batch(), base_hash(transformer)
    weights = {name: weight.clone() for name, weight in transformer.state_dict().items()}

    def called() -> torch.Tensor:
        level = torch.full((3,), 0.5)
        return transformer(examples.inputs(transformer.voice_table, examples.audio, examples.motion, level)).audio

    with torch.no_grad():
        beside = called()
        switch_adapters(transformer, on=True)
        switch_adapters(transformer, on=True)
        merged = called()
        assert base_hash(transformer) == before, "what the weights are called does not depend on how they are used"
        switch_adapters(transformer, on=False)
        without = called()
    torch.testing.assert_close(merged, beside, atol=1e-4, rtol=1e-4)
    assert (without - beside).abs().max() > 1e-3
    assert all(torch.equal(weight, weights[name]) for name, weight in transformer.state_dict().items())


def test_the_distilled_sampler_calls_the_network_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = stirred(tiny_pipeline())
    calls, steps = [], []
    forward = pipeline.transformer.forward
    monkeypatch.setattr(pipeline.transformer, "forward", lambda *a, **k: calls.append(1) or forward(*a, **k))
    pipeline(LINES, CAST, 24, sampling=Sampling(steps=None), on_step=lambda done, total: steps.append((done, total)))
    assert len(calls) == 4 and steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_voices_stay_routed_in_the_distilled_sampler() -> None:
    pipeline = stirred(tiny_pipeline())
    n = 24
    own = np.repeat(np.eye(2, dtype=np.float32)[:, :, None], n, 2)
    swapped = np.repeat(np.eye(2, dtype=np.float32)[::-1, :, None], n, 2)
    few = Sampling(steps=None)
    plain = pipeline(LINES, CAST, n, routing=own, sampling=few)
    default = pipeline(LINES, CAST, n, sampling=few)
    crossed = pipeline(LINES, CAST, n, routing=swapped, sampling=few)
    turned = [replace(line, character=1 - line.character) for line in LINES]
    order = pipeline(turned, CAST[::-1], n, sampling=few)
    for k in range(2):
        assert np.array_equal(plain.characters[k].motion.values, default.characters[k].motion.values)
        assert np.abs(plain.characters[k].motion.values - crossed.characters[k].motion.values).max() > 1e-4
        np.testing.assert_allclose(plain.characters[k].motion.values, order.characters[1 - k].motion.values, atol=2e-4)


def test_the_calls_of_the_default_sampler_are_those_of_the_weights_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: tmp_path)
    (tmp_path / "model").mkdir()
    assert network_calls(None) == 4 * GUIDED_STEPS and network_calls(2) == 8
    (tmp_path / "model" / DISTILLED_ADAPTER).mkdir()
    assert network_calls(None) == DISTILLED_STEPS and network_calls(2) == 8


def test_the_default_is_the_distilled_sampler_where_its_adapter_is_and_the_guided_one_elsewhere() -> None:
    for pipeline, steps in ((tiny_pipeline(), GUIDED_STEPS), (stirred(tiny_pipeline()), DISTILLED_STEPS)):
        done = []
        by_default = pipeline(LINES, CAST, 24, on_step=lambda step, total, done=done: done.append((step, total)))
        assert done[-1] == (steps, steps)
        guided = pipeline(LINES, CAST, 24, sampling=Sampling(steps=GUIDED_STEPS))
        pairs = zip(by_default.characters, guided.characters, strict=True)
        same = [np.array_equal(a.motion.values, b.motion.values) for a, b in pairs]
        assert same == [not pipeline.distilled] * 2


def test_training_moves_the_student_to_the_teacher_and_leaves_the_base(tmp_path: Path) -> None:
    model = student(tiny_pipeline().transformer)
    before = base_hash(model)
    examples = batch()

    def far() -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            return float(distillation_loss(model, examples)[0])

    start = far()
    settings = FitSettings(minutes=60, learning_rate=0.02, ema=0.5, max_steps=20)
    fit(model, distillation_loss, lambda g: examples, settings, tmp_path, files=AdapterFiles())
    assert far() < 0.7 * start
    assert base_hash(model) == before
    other = tiny_pipeline().transformer
    load_adapter(other, DISTILLED_ADAPTER, tmp_path / "ema")
    settings = FitSettings(minutes=60, max_steps=21)  # goes on from its checkpoint
    fit(model, distillation_loss, lambda g: examples, settings, tmp_path, files=AdapterFiles())


@pytest.mark.parametrize("step", range(DISTILLED_STEPS))
def test_the_student_is_trained_where_its_own_sampler_comes_by(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = stirred(tiny_pipeline())
    seen: list[JointInputs] = []
    forward = pipeline.transformer.forward

    def watched(inputs: JointInputs, return_dict: bool = True) -> object:
        seen.append(inputs)
        return forward(inputs, return_dict)

    monkeypatch.setattr(pipeline.transformer, "forward", watched)
    pipeline(LINES[:1], CAST[:1], 24, sampling=Sampling(steps=None))
    first = seen[0]
    own = {"voices": torch.eye(2)[:1][None], "language": first.language[..., 0]}
    examples = Batch(**{f.name: own.get(f.name, getattr(first, f.name, None)) for f in fields(Batch)})
    starts = iter((first.audio, first.motion))
    monkeypatch.setattr("generation.training.distillation.add_noise", lambda *_, **__: next(starts))
    pipeline.transformer.voice_table = torch.nn.Parameter(first.voice[0, :, :-1].expand(2, -1))
    met = _states_of_the_sampler(pipeline.transformer, examples, step)
    for f in fields(JointInputs):
        torch.testing.assert_close(getattr(met, f.name), getattr(seen[step], f.name), atol=1e-5, rtol=1e-5)


def test_the_student_begins_with_as_much_noise_as_the_sampler() -> None:
    model, examples = student(tiny_pipeline().transformer), batch(size=2, n=200)
    inputs = _states_of_the_sampler(model, examples, step=0)
    audio, motion, sigma = inputs.audio, inputs.motion, inputs.sigma
    free = examples.audio_given == 0
    assert sigma.tolist() == [1, 1]
    assert torch.equal(audio[~free], examples.audio[~free]), "what is given stays"
    assert float(audio[free].std()) == pytest.approx(Sampling.temperature, rel=0.02)
    torch.testing.assert_close(
        motion.flatten(0, 2).std(0), torch.from_numpy(Sampling().motion_spread()), rtol=0.2, atol=0
    )


def test_a_cold_start_takes_the_adapter_of_older_weights_and_refuses_another_shape(tmp_path: Path) -> None:
    older = stirred(tiny_pipeline(), rank=RANK).transformer
    older.audio_in.weight.data += 1
    save_adapter(older, DISTILLED_ADAPTER, tmp_path / "ema")
    model = student(tiny_pipeline().transformer)
    AdapterFiles().read(model, tmp_path / "ema")
    mine = get_peft_model_state_dict(model, adapter_name=DISTILLED_ADAPTER)
    for name, weight in get_peft_model_state_dict(older, adapter_name=DISTILLED_ADAPTER).items():
        torch.testing.assert_close(mine[name], weight.to(torch.bfloat16).float())
    assert all(weight.requires_grad == (".lora_" in name) for name, weight in model.named_parameters())
    save_adapter(stirred(tiny_pipeline(), rank=2).transformer, DISTILLED_ADAPTER, tmp_path / "other")
    with pytest.raises(RuntimeError, match="does not fit the model"):
        AdapterFiles().read(model, tmp_path / "other")


def test_the_adapter_of_a_model_with_fewer_layers_is_a_start_for_a_deeper_one(tmp_path: Path) -> None:
    shallow = tiny_pipeline().transformer
    shallow.save_pretrained(tmp_path / "base")
    grow_depth(tmp_path / "base", 3)
    save_adapter(stirred(tiny_pipeline(), rank=RANK).transformer, DISTILLED_ADAPTER, tmp_path / "ema")
    model = student(load_strict(JointTransformer, tmp_path / "base"))
    AdapterFiles().read(model, tmp_path / "ema")
    mine = get_peft_model_state_dict(model, adapter_name=DISTILLED_ADAPTER)
    older = load_file(tmp_path / "ema" / FILE)
    assert older.keys() < mine.keys()
    for name, weight in mine.items():
        if name in older:
            torch.testing.assert_close(weight, older[name].float())
        else:
            assert "blocks.2." in name and (".lora_A." in name or not weight.any()), "new layers: an adapter at zero"


def test_the_teacher_is_the_pipelines_guided_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = tiny_pipeline()
    told: list[JointInputs] = []
    guided: list[tuple[torch.Tensor, ...]] = []

    def watched(*arguments: object) -> tuple[torch.Tensor, ...]:
        told.append(arguments[3])
        guided.append(guided_velocities(*arguments))
        return guided[-1]

    monkeypatch.setattr("generation.pipeline.joint.guided_velocities", watched)
    pipeline(LINES[:1], CAST[:1], 24, sampling=Sampling(steps=2))
    with torch.no_grad():
        wanted = _teacher(pipeline.transformer, told[1])
    # Alone there is nobody to be heard: the pipeline leaves that pass out, the teacher hears silence in it.
    for a, b in zip(guided[1][:2], wanted[:2], strict=True):
        assert a.abs().max() > 1e-3
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_adapters_survive_the_round_trip_and_refuse_another_base(tmp_path: Path) -> None:
    pipeline = stirred(tiny_pipeline())
    save_adapter(pipeline.transformer, DISTILLED_ADAPTER, tmp_path / "a", {"licence": "Apache-2.0"})
    other = tiny_pipeline()
    assert load_adapter(other.transformer, DISTILLED_ADAPTER, tmp_path / "a")[0].licence == "Apache-2.0"
    a, b = (p(LINES, CAST, 24, sampling=Sampling(steps=None)).characters[0].motion.values for p in (pipeline, other))
    np.testing.assert_allclose(a, b, atol=0.05)  # bf16 on disk
    foreign = tiny_pipeline()
    foreign.transformer.audio_in.weight.data += 0.1
    with pytest.raises(RuntimeError, match="other weights"):
        load_adapter(foreign.transformer, DISTILLED_ADAPTER, tmp_path / "a")


HARMS = {
    "rank": {"rank": "100000"},
    "layers": {"layers": '["os.system"]'},
    "deep": {"layers": "[" * 100_000},
    "base": {"base": "../../etc/passwd"},
    "consent": {"consent": "nobody asked"},
    "control": {"does": "nice\x1b]0;owned\x07"},
    "long": {"statement": "a" * 100_000},
    "habit": {"delivery": '{"tempo": 1e9}'},
    "foreign habit": {"delivery": '{"__class__": 1}'},
    "not a number": {"delivery": '{"tempo": NaN}'},
}
"""What a hostile file may say of itself."""


@pytest.mark.parametrize("harm", ["missing", "cut", "shape", "nan", "foreign tensor", "no metadata", *HARMS])
def test_a_damaged_adapter_is_refused_in_one_sentence(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "few"
    path = save_adapter(stirred(tiny_pipeline()).transformer, DISTILLED_ADAPTER, folder)
    with safe_open(path, "pt") as file:
        about = dict(file.metadata())
    tensors = load_file(path)
    first = sorted(tensors)[0]
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif harm == "no metadata":
        save_file(tensors, path)
    else:
        about |= HARMS.get(harm, {})
        if harm == "foreign tensor":
            tensors["blocks.0.audio.__init__.lora_A.weight"] = tensors[first].clone()
        if harm == "shape":
            tensors[first] = tensors[first][:, :-1].contiguous()
        if harm == "nan":
            tensors[first] = tensors[first] * torch.nan
        save_file(tensors, folder / FILE, about)
    transformer = tiny_pipeline().transformer
    with pytest.raises(RuntimeError, match=r"^The adapter few [^\n]*\.$"):
        load_adapter(transformer, DISTILLED_ADAPTER, folder)
    assert DISTILLED_ADAPTER not in getattr(transformer, "peft_config", {})


def test_reactions_are_distilled_where_others_are_seen() -> None:
    model, plain = student(tiny_transformer(voice_dim=4, sees_others=True)), batch()
    shown = {"seen": torch.randn(3, 1, 2, 12, 57), "sees": torch.ones(3, 1, 2), "reaction": torch.zeros(3, 1, 12, 57)}
    torch.manual_seed(0)
    loss, parts = distillation_loss(model, DialogueBatch(**vars(plain), **shown))
    torch.manual_seed(0)
    without, fewer = distillation_loss(model, plain)
    assert parts["reaction"] > 0 and "reaction" not in fewer and loss > without
