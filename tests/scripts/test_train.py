"""Training everything once more from what ships: order, shares, cold starts, and going on after a stop."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from scripts import train


@pytest.fixture
def args(tmp_path: Path) -> argparse.Namespace:
    for folder in train.SHIPPED.values():
        (tmp_path / "assets" / folder).mkdir(parents=True)
        (tmp_path / "assets" / folder / "weights").write_text("shipped")
    (tmp_path / "work").mkdir()
    return argparse.Namespace(
        work=tmp_path / "work", assets=tmp_path / "assets", minutes=10.0, rate=8e-4, discriminators=False
    )


class _Stages:
    """Stands in for training: notes what it was asked, and may be stopped half-way in one stage."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_in: int | None = None) -> None:
        self.seen: list[tuple[str, float, bool, float, bool]] = []
        self.stop_in = stop_in
        for stage, _, _ in train.IMPROVE:
            monkeypatch.setitem(train.STAGES, stage, lambda args, stage=stage: self.run(stage, args))

    def run(self, stage: str, args: argparse.Namespace) -> None:
        folder = args.work / {"voices": "voice_encoder"}.get(stage, stage)
        resumed = (folder / "state.safetensors").exists()
        self.seen.append((stage, args.minutes, args.discriminators, args.rate, resumed))
        if stage == "publish":
            return
        assert (folder / "ema" / "weights").read_text() == "shipped"
        minutes = args.minutes / 2 if len(self.seen) - 1 == self.stop_in else args.minutes
        (folder / "state.safetensors").write_text("moments")
        (folder / "progress.json").write_text(json.dumps({"minutes": minutes}))


def test_every_stage_starts_cold_and_the_shares_are_the_minutes(
    args: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = _Stages(monkeypatch)
    train.improve(args)
    assert [seen[0] for seen in stages.seen] == [stage for stage, _, _ in train.IMPROVE]
    assert sum(seen[1] for seen in stages.seen) == pytest.approx(10)
    assert not any(seen[4] for seen in stages.seen)
    assert [(seen[0], seen[3]) for seen in stages.seen if seen[2]] == [("vocoder", 2e-4)]
    assert not (args.work / "improved.json").exists()


@pytest.mark.parametrize("stopped", [1, 2])
def test_a_stopped_run_goes_on_in_its_stage(
    args: argparse.Namespace, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    first = _Stages(monkeypatch, stop_in=stopped)
    train.improve(args)
    assert len(first.seen) == stopped + 1
    again = _Stages(monkeypatch)
    train.improve(args)
    assert again.seen[0][:4] == first.seen[-1][:4] and again.seen[0][4], "resumed, not begun anew"
    assert [seen[0] for seen in again.seen] == [stage for stage, _, _ in train.IMPROVE[stopped:]]
    assert not any(seen[4] for seen in again.seen[1:])


def test_an_earlier_run_is_not_overwritten(args: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = _Stages(monkeypatch)
    (args.work / "joint").mkdir()
    (args.work / "joint" / "state.safetensors").write_text("of a run long ago")
    with pytest.raises(SystemExit, match="holds earlier runs .joint.: move them away"):
        train.improve(args)
    assert not stages.seen and (args.work / "joint" / "state.safetensors").read_text() == "of a run long ago"
    assert not (args.work / "vocoder").exists()
