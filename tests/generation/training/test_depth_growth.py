"""More layers for a trained joint model: nothing changes until they learn, and they can."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from random_networks import scene_tensors, tiny_transformer

from generation.core.weights import load_strict
from generation.models.joint_inputs import JointInputs
from generation.models.transformer import JointTransformer
from generation.training.depth_growth import grow_depth


@pytest.mark.parametrize("joint_every", [1, 2])
def test_a_deeper_model_computes_the_same(tmp_path: Path, joint_every: int) -> None:
    shallow = tiny_transformer(joint_every=joint_every)
    shallow.save_pretrained(tmp_path)
    grow_depth(tmp_path, 5)
    deeper, scene = load_strict(JointTransformer, tmp_path), JointInputs(**scene_tensors())
    assert deeper.config.num_layers == len(deeper.blocks) == 5
    assert [block.joint for block in deeper.blocks] == [layer % joint_every == joint_every - 1 for layer in range(5)]
    assert all(torch.equal(deeper.state_dict()[name], weight) for name, weight in shallow.state_dict().items())
    with torch.no_grad():
        outputs = zip(shallow(scene, return_dict=False)[:2], deeper(scene, return_dict=False)[:2], strict=True)
        for before, after in outputs:
            torch.testing.assert_close(after, before, rtol=0, atol=1e-4)  # the same sums, in other memory


def test_its_new_layers_learn(tmp_path: Path) -> None:
    tiny_transformer().save_pretrained(tmp_path)
    grow_depth(tmp_path, 3)
    model = load_strict(JointTransformer, tmp_path)
    for _ in range(2):
        model.zero_grad()
        audio, motion, _ = model(JointInputs(**scene_tensors()), return_dict=False)
        (audio.square().mean() + motion.square().mean()).backward()
        with torch.no_grad():  # the gates open first, what is behind them follows
            for weight in model.parameters():
                if weight.grad is not None:
                    weight -= 0.1 * weight.grad
    still = [name for name, weight in model.blocks[2].named_parameters() if not weight.grad.abs().max() > 0]
    assert not still


def test_a_model_with_as_many_layers_is_left_alone(tmp_path: Path) -> None:
    tiny_transformer().save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    grow_depth(tmp_path, 2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
