"""What an adapter's file says of itself."""

from __future__ import annotations

from pathlib import Path

from random_networks import tiny_transformer
from safetensors import safe_open

from generation.adapters.lora import add_adapter, save_adapter
from generation.adapters.metadata import read_about, shipped_adapters


def test_files_of_earlier_versions_are_read_by_their_former_keys(tmp_path: Path) -> None:
    transformer = tiny_transformer()
    add_adapter(transformer, "slow", 2)
    former = {"taught": "Some clips.", "habits": '{"tempo": 0.8, "averted": 0.5}'}
    for kind, now in (("manner", "style"), ("moves", "motion"), ("few_steps", "distilled_sampler")):
        about = read_about(save_adapter(transformer, "slow", tmp_path / "slow.safetensors", {**former, "kind": kind}))
        assert (about.kind, about.trained_on) == (now, "Some clips.")
        assert (about.delivery.tempo, about.delivery.gaze_aversion) == (0.8, 0.5)


def test_files_that_ship_have_the_keys_of_today() -> None:
    assert shipped_adapters()
    for path in shipped_adapters().values():
        with safe_open(path, "np") as file:
            written = file.metadata()
        assert {"delivery", "trained_on"} < written.keys() and not {"habits", "taught"} & written.keys()
        assert read_about(path).kind in ("style", "voice", "motion")
