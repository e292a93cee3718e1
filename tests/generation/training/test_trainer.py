"""Training: the loop and its checkpoints, and the objective of the joint model."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from random_networks import tiny_transformer
from torch import Tensor, nn

from generation.core.weights import load_strict
from generation.data.joint_dataset import Batch
from generation.models import flow
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL
from generation.training import flow_matching_loss
from generation.training.trainer import FitSettings, MovingAverage, draw, fit, optimizers

SETTINGS = FitSettings(minutes=1e6, learning_rate=0.02, max_steps=6, ema=0.9)  # steps alone count, however slow


class Line(ModelMixin, ConfigMixin):
    """y = a x + b."""

    @register_to_config
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def line() -> Line:
    torch.manual_seed(0)
    return Line()


class Curve(ModelMixin, ConfigMixin):
    """A line through one block, whose matrix Muon may train."""

    @register_to_config
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(3, 3)])
        self.layer = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x + self.blocks[0](x).tanh())


def curve() -> Curve:
    torch.manual_seed(0)
    return Curve()


def batches(generator: torch.Generator) -> Tensor:
    return torch.randn(16, 3, generator=generator)


def line_loss(model: Line | Curve, x: Tensor) -> tuple[Tensor, dict[str, float]]:
    wanted = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.01 * torch.randn(len(x))
    error = (model(x)[:, 0].float() - wanted).square().mean()
    return error, {"error": float(error.detach())}


def stopped_after(steps: int, number: int = signal.SIGTERM):  # noqa: ANN201
    """The same batches, with a signal to this process while the given step runs."""
    drawn = 0

    def draw(generator: torch.Generator) -> Tensor:
        nonlocal drawn
        drawn += 1
        if drawn == steps:
            os.kill(os.getpid(), number)
        return batches(generator)

    return draw


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_three_steps_leave_all_that_a_run_leaves(tmp_path: Path) -> None:
    model = line()
    before = weights(model)
    entry = fit(model, line_loss, batches, FitSettings(minutes=60, max_steps=3), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "ema",
        "state.safetensors",
        "progress.json",
        "log.jsonl",
    }
    assert entry["step"] == 3 and 0 < entry["minutes"] < 1 and entry["error"] == pytest.approx(entry["loss"])
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])["step"] == 3
    assert not torch.equal(weights(model), before)
    averaged = weights(load_strict(Line, tmp_path / "run" / "ema"))
    assert not torch.equal(averaged, weights(model)) and not torch.equal(averaged, before)


def test_the_loss_falls(tmp_path: Path) -> None:
    start = line_loss(line(), batches(torch.Generator().manual_seed(9)))[1]["error"]
    model = line()
    fit(model, line_loss, batches, FitSettings(minutes=60, learning_rate=0.05, max_steps=120, ema=0.9), tmp_path)
    kept = load_strict(Line, tmp_path / "ema")
    assert line_loss(kept, batches(torch.Generator().manual_seed(9)))[1]["error"] < 0.02 * start


def test_processes_draw_the_same_batches_in_the_same_order() -> None:
    alone, helped = (iter(draw(batches, 7, 5, workers)) for workers in (0, 2))
    for _ in range(6):
        for a, b in zip(next(alone), next(helped), strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(next(alone)[0], next(alone)[0])


@pytest.mark.parametrize("muon", [False, True])
def test_the_matrices_inside_blocks_are_muons_if_it_is_asked_for(muon: bool) -> None:
    model = curve()
    trained = optimizers(model, replace(SETTINGS, muon=muon))
    inner = [p for one in (trained["muon"].param_groups if muon else []) for p in one["params"]]
    assert [id(p) for p in inner] == ([id(model.blocks[0].weight)] if muon else [])
    assert len(inner) + sum(len(one["params"]) for one in trained["adam"].param_groups) == 4


@pytest.mark.parametrize(("number", "muon"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_writes_a_checkpoint_and_the_resumed_run_goes_on_as_if_never_stopped(
    tmp_path: Path, number: int, muon: bool
) -> None:
    settings = replace(SETTINGS, muon=muon)
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    whole, cut, resumed = curve(), curve(), curve()
    fit(whole, line_loss, batches, settings, tmp_path / "whole")
    entry = fit(cut, line_loss, stopped_after(3, number), settings, tmp_path / "cut")
    assert entry["step"] == 3 and json.loads((tmp_path / "cut" / "progress.json").read_text())["step"] == 3
    assert fit(resumed, line_loss, batches, settings, tmp_path / "cut")["step"] == 6
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=1e-6)
    for name, averaged in load_strict(Curve, tmp_path / "whole" / "ema").state_dict().items():
        torch.testing.assert_close(load_strict(Curve, tmp_path / "cut" / "ema").state_dict()[name], averaged)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_a_finished_run_is_not_trained_on(tmp_path: Path) -> None:
    model = line()
    fit(model, line_loss, batches, SETTINGS, tmp_path)
    done = weights(model)
    fit(again := line(), line_loss, batches, SETTINGS, tmp_path)
    assert torch.equal(weights(again), done)


def test_averaged_weights_alone_are_a_cold_start(tmp_path: Path) -> None:
    fit(line(), line_loss, batches, FitSettings(minutes=60, learning_rate=0.05, max_steps=100), tmp_path / "old")
    averaged = load_strict(Line, tmp_path / "old" / "ema")
    averaged.save_pretrained(tmp_path / "new" / "ema")
    model = line()
    entry = fit(model, line_loss, batches, FitSettings(minutes=60, learning_rate=1e-9, max_steps=1), tmp_path / "new")
    assert entry["step"] == 1
    torch.testing.assert_close(weights(model), weights(averaged), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        weights(load_strict(Line, tmp_path / "new" / "ema")), weights(averaged), rtol=0, atol=1e-6
    )


def test_a_resumed_run_has_what_it_does_not_train_from_where_it_began(tmp_path: Path) -> None:
    def held(bias: float) -> Line:
        model = line()
        model.layer.bias.data.fill_(bias)
        model.layer.bias.requires_grad_(False)
        return model

    fit(held(3.0), line_loss, batches, replace(SETTINGS, max_steps=3), tmp_path)
    resumed = held(-7.0)
    fit(resumed, line_loss, batches, SETTINGS, tmp_path)
    assert resumed.layer.bias.item() == load_strict(Line, tmp_path / "ema").layer.bias.item() == 3.0


def test_checkpoints_are_judged_with_averaged_weights_and_training_goes_on_with_its_own(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    def judge(model: Line) -> dict[str, float]:
        seen.append(weights(model))
        assert not model.training and not torch.is_grad_enabled()
        return {"figure": 7.0}

    model = line()
    often = FitSettings(minutes=60, learning_rate=0.02, max_steps=3, save_every=0.0)
    fit(model, line_loss, batches, often, tmp_path, validate=judge)
    fit(plain := line(), line_loss, batches, FitSettings(**vars(often) | {"save_every": 5.0}), tmp_path / "plain")
    assert len(seen) == 3 and torch.equal(seen[-1], weights(load_strict(Line, tmp_path / "ema")))
    assert torch.equal(weights(model), weights(plain)) and not torch.equal(seen[-1], weights(model))
    assert '"figure": 7.0' in (tmp_path / "log.jsonl").read_text()


def test_the_moving_average_forgets_its_start_and_then_moves_slowly() -> None:
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    average = MovingAverage(model, 0.99)
    nn.init.ones_(model.weight)
    values = []
    for _ in range(400):
        average.update(model)
        values.append(float(average.weights["weight"]))
    assert values[0] == pytest.approx(1 - 2 / 11) and values[20] > 0.999
    nn.init.zeros_(model.weight)
    average.updates = 10_000
    average.update(model)
    assert float(average.weights["weight"]) == pytest.approx(0.99, abs=1e-4)


def test_the_rate_warms_up_and_decays_over_time_or_steps() -> None:
    settings = FitSettings(minutes=10, learning_rate=1.0, warmup=0.1, max_steps=100)
    rates = [settings.rate(share) for share in np.linspace(0, 1, 101)]
    assert rates[0] < 0.05 and np.argmax(rates) == 10 and rates[-1] == pytest.approx(0.02)
    assert all(a > b for a, b in zip(rates[10:], rates[11:]))
    assert settings.share(50, 1.0) == 0.5 and settings.share(1, 9.0) == 0.9
    assert FitSettings(minutes=10).share(1000, 5.0) == 0.5


def test_velocity_leads_from_the_noisy_to_the_clean_latent() -> None:
    clean, noise = torch.randn(2, 1, 3, 4), torch.randn(2, 1, 3, 4)
    sigma = torch.tensor([0.8, 0.2])[:, None, None, None]
    x = (1 - sigma) * clean + sigma * noise
    v = flow.velocity(x, clean, sigma)
    torch.testing.assert_close(v, noise - clean)
    torch.testing.assert_close(x - sigma * v, clean)
    assert flow.velocity(torch.ones(1), torch.zeros(1), 0.0) == 1 / flow.SIGMA_FLOOR


def test_half_of_the_noise_levels_decide_words_and_half_detail() -> None:
    sigma = flow_matching_loss.sample_sigma(20_000, torch.Generator().manual_seed(0))
    assert 0 < sigma.min() and sigma.max() <= 1
    # P(sigma < s) is 0.4 times the sum of two normal distributions at logit(s), one more fifth lies above 0.9.
    assert (sigma < 0.5987).float().mean() == pytest.approx(0.4 * (0.5 + 0.933), abs=0.01)
    assert (sigma < 0.25).float().mean() == pytest.approx(0.4 * (0.067 + 0.5), abs=0.01)
    assert (sigma > 0.9).float().mean() == pytest.approx(0.2 + 0.4 * (0.036 + 0.0005), abs=0.01)


def test_given_frames_stay_clean_and_the_others_are_mixed() -> None:
    clean, given = torch.randn(2, 1, 50, 200), torch.zeros(2, 1, 50)
    given[:, :, :10] = 1
    mixed = flow_matching_loss.add_noise(clean, given, torch.tensor([0.9, 0.1]))
    assert torch.equal(mixed[:, :, :10], clean[:, :, :10])
    rest = mixed[:, :, 10:] - torch.tensor([0.1, 0.9])[:, None, None, None] * clean[:, :, 10:]
    assert rest[0].std() == pytest.approx(0.9, rel=0.05) and rest[1].std() == pytest.approx(0.1, rel=0.05)


def random_batch(seed: int = 0) -> Batch:
    g = torch.Generator().manual_seed(seed)
    n = 8
    return Batch(
        audio=torch.randn(2, 1, n, 400, generator=g), motion=torch.randn(2, 1, n, 57, generator=g),
        symbols=torch.randint(UNKNOWN_SYMBOL, (2, 1, 4 * n), generator=g),
        phoneme_position=torch.rand(2, 1, 4 * n, 2, generator=g),
        voices=torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]]]), audio_given=torch.zeros(2, 1, n),
        motion_given=torch.zeros(2, 1, n), heard=torch.randn(2, 1, n, 402, generator=g),
        share=torch.ones(2, 1, n), line_numbers=torch.ones(2, 1, n, dtype=torch.int64),
        language=torch.zeros(2, 1, dtype=torch.int64),
    )  # fmt: skip


def test_given_frames_are_not_asked_of_the_model() -> None:
    """Whatever the model says about given frames, the loss is that of the others."""
    batch = random_batch()
    batch.audio_given[:, :, :5] = 1
    batch.motion_given[:, :, 2:] = 1
    model = tiny_transformer(voice_dim=4)
    losses = []
    for shift in (0.0, 100.0):

        def spoilt(*args: object, shift: float = shift, **kwargs: object) -> tuple[Tensor, Tensor, None]:
            audio, motion, _ = model(*args, **kwargs)
            return audio + shift * batch.audio_given[..., None], motion + shift * batch.motion_given[..., None], None

        spoilt.voice_table = model.voice_table
        torch.manual_seed(0)
        losses.append(flow_matching_loss.joint_loss(spoilt, batch))
    assert losses[0][0].item() == pytest.approx(losses[1][0].item(), rel=1e-6)
    assert losses[0][1]["motion"] == pytest.approx(losses[1][1]["motion"], rel=1e-6)


def test_a_perfect_model_has_no_loss_and_all_given_is_no_loss_at_all() -> None:
    batch = random_batch()

    def perfect(*_: object, **__: object) -> tuple[Tensor, Tensor, None]:
        return batch.audio, batch.motion, None

    perfect.voice_table = torch.zeros(2, 4)
    loss, parts = flow_matching_loss.joint_loss(perfect, batch)
    assert float(loss) == 0 and parts == {"audio": 0, "motion": 0}
    batch.audio_given[:], batch.motion_given[:] = 1, 1
    loss, parts = flow_matching_loss.joint_loss(tiny_transformer(voice_dim=4), batch)
    assert loss.item() == 0


def test_every_weight_learns_and_audio_alone_leaves_motion_be() -> None:
    model = tiny_transformer(voice_dim=4)
    flow_matching_loss.joint_loss(model, random_batch())[0].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    model.zero_grad(set_to_none=True)
    loss, parts = flow_matching_loss.joint_loss(model, random_batch(), motion=False)
    loss.backward()
    assert set(parts) == {"audio"} and model.motion_out.weight.grad is None and model.audio_out.weight.grad is not None


def test_the_joint_loss_falls_on_a_few_examples(tmp_path: Path) -> None:
    batch = random_batch()
    # Predictable from what the model is told, and from nothing else: mel by symbol, motion by mel.
    batch.audio = (batch.symbols.unflatten(2, (-1, 4))[..., :1] / 27 - 1).float().expand(-1, -1, -1, 400).contiguous()
    batch.motion = batch.audio[..., :57].contiguous()
    torch.manual_seed(0)
    model = tiny_transformer(voice_dim=4)
    seen: list[dict[str, float]] = []

    def loss(trained: nn.Module, drawn: Batch) -> tuple[Tensor, dict[str, float]]:
        value, parts = flow_matching_loss.joint_loss(trained, drawn)
        seen.append(parts)
        return value, parts

    fit(model, loss, lambda _: batch, FitSettings(minutes=60, learning_rate=3e-3, max_steps=60), tmp_path)
    for name in ("audio", "motion"):
        first, last = (np.mean([parts[name] for parts in part]) for part in (seen[:5], seen[-10:]))
        assert last < 0.35 * first, (name, first, last)


def noiseless(model: Line, x: Tensor) -> Tensor:
    return (model(x)[:, 0].float() - x @ torch.tensor([1.0, -2.0, 0.5])).square().mean()


def of_two_processes(generator: torch.Generator) -> Tensor:
    """The batches that two processes draw in a step, as one."""
    number = (generator.initial_seed() - 2_000_006 * SETTINGS.seed) // 2
    seeds = [2 * (1_000_003 * SETTINGS.seed + 2 * number + index) for index in (0, 1)]
    return torch.cat([batches(torch.Generator().manual_seed(seed)) for seed in seeds])


def train_and_tell(folder: Path) -> None:
    model = line()
    fit(model, noiseless, batches, SETTINGS, folder / "two")
    torch.save(weights(model), folder / f"{torch.distributed.get_rank()}.pt")


@pytest.mark.slow
@pytest.mark.enable_socket
def test_two_processes_train_as_one_with_both_their_batches(tmp_path: Path) -> None:
    from accelerate import debug_launcher
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # else the forks think, as this process, that each is alone
    debug_launcher(train_and_tell, (tmp_path,), num_processes=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    alone = line()
    fit(alone, noiseless, of_two_processes, SETTINGS, tmp_path / "one")
    assert torch.allclose(first, weights(alone), atol=1e-3)
    other = line()
    fit(other, noiseless, batches, SETTINGS, tmp_path / "half")
    assert not torch.allclose(first, weights(other), atol=1e-3), "both batches count"
    kept, wanted = (weights(load_strict(Line, tmp_path / name / "ema")) for name in ("two", "one"))
    assert torch.allclose(kept, wanted, atol=1e-3)
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 1
