"""More layers for a trained joint model: nothing changes until they learn, and they can."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from random_networks import enliven, scene_tensors, tiny_transformer

from generation.core.weights import load_strict
from generation.models.duration_predictor import DurationPredictor
from generation.models.joint_inputs import JointInputs
from generation.models.transformer import JointTransformer
from generation.text.ipa import NEAREST_SYMBOLS, SYMBOL_INDEX
from generation.training.depth_growth import LANGUAGE_INVENTORY, add_languages, grow_depth


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


def test_other_languages_leave_english_as_it_was_and_are_told_apart_once_learnt(tmp_path: Path) -> None:
    plain = tiny_transformer()
    plain.save_pretrained(tmp_path)
    add_languages(tmp_path, JointTransformer)
    model = load_strict(JointTransformer, tmp_path)
    assert {name: model.config[name] for name in LANGUAGE_INVENTORY} == LANGUAGE_INVENTORY
    told = scene_tensors() | {"language": torch.tensor([[[0], [1], [4]]])}
    with torch.no_grad():
        before = plain(JointInputs(**scene_tensors()), return_dict=False)
        for after in (model(JointInputs(**scene_tensors())), model(JointInputs(**told))):
            torch.testing.assert_close(after.audio, before[0], rtol=0, atol=1e-4)
            torch.testing.assert_close(after.motion, before[1], rtol=0, atol=1e-4)
        rows = model.phonemes.embed.weight
        new, old = (
            [SYMBOL_INDEX[symbol] for symbol in column] for column in zip(*NEAREST_SYMBOLS.items(), strict=True)
        )
        assert torch.equal(rows[new], rows[old])
        model.languages.weight[4] = 1
        changed = (model(JointInputs(**told)).audio - before[0]).abs().amax((0, 2, 3))
    assert changed[2] > 1e-3 > changed[:2].max(), "the third voice alone speaks that language"
    with pytest.raises(ValueError, match="know 1 languages"):
        plain(JointInputs(**told))


def test_a_routed_face_has_the_language_of_its_voice() -> None:
    model = tiny_transformer(n_languages=5)
    routed = scene_tensors(cast=2) | {
        "driver": torch.ones(1, 2, 16, dtype=torch.int64), "partner": torch.ones(1, 2, 16, dtype=torch.int64),
        "face_voice": torch.zeros(1, 2, 1, 5), "share": torch.zeros(1, 2, 16),
    }  # fmt: skip
    with torch.no_grad():
        told = [routed | {"language": torch.tensor([rows])[..., None]} for rows in ([0, 0], [1, 0], [0, 1])]
        motions = [model(JointInputs(**inputs)).motion for inputs in told]
    torch.testing.assert_close(motions[1][:, 0], motions[0][:, 0], rtol=0, atol=1e-4)
    assert (motions[2][:, 0] - motions[0][:, 0]).abs().max() > 1e-3


def test_lengths_of_other_languages(tmp_path: Path) -> None:
    enliven(DurationPredictor(voice_dim=4, dim=16, num_layers=1)).save_pretrained(tmp_path)
    plain = load_strict(DurationPredictor, tmp_path)
    with pytest.raises(ValueError, match="do not know the sounds ɲ"):
        plain.predict(" niɲo ", None)
    add_languages(tmp_path, DurationPredictor)
    model = load_strict(DurationPredictor, tmp_path)
    assert model.predict(" nino ", None, language="es") == plain.predict(" nino ", None)
    assert model.predict(" niɲo ", None, language="es") == plain.predict(" nino ", None), "begins as its nearest sound"
