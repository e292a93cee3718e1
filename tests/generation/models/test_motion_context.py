"""Faces that see each other: what their reactions reach, of what they depend, and that nothing changes without them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from random_networks import scene_tensors, tiny_transformer
from torch import Tensor

from generation.core.motion import CHANNELS, REACTING
from generation.core.weights import load_strict
from generation.models.joint_inputs import SEEN_CHANNELS, JointInputs
from generation.models.motion_context import MotionContext
from generation.models.transformer import JointTransformer, JointTransformerOutput
from generation.training.depth_growth import add_motion_context

REACTS = torch.tensor([name in REACTING for name in CHANNELS])


@pytest.fixture(scope="module")
def model() -> JointTransformer:
    return tiny_transformer(sees_others=True)


def seen(faces: int = 3, n_frames: int = 16, seed: int = 1) -> dict[str, Tensor]:
    """Random motion of the faces, each of which sees all but itself."""
    g = torch.Generator().manual_seed(seed)
    return {"seen": torch.randn(1, faces, n_frames, SEEN_CHANNELS, generator=g), "sees": 1 - torch.eye(faces)[None]}


@torch.no_grad()
def run(model: JointTransformer, **changes: Tensor | None) -> JointTransformerOutput:
    return model(JointInputs(**scene_tensors() | changes))


def test_reactions_have_no_channel_of_lips_jaw_or_lids() -> None:
    left_out = ("mouth", "jaw", "cheek", "nose", "eyeBlink", "eyeSquint", "eyeWide")
    assert len(REACTING) == 19 and not any(name.startswith(left_out) for name in REACTING)


def test_a_fresh_path_changes_nothing(tmp_path: Path) -> None:
    plain = tiny_transformer()
    plain.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    older = {key: value for key, value in json.loads(config.read_text()).items() if key != "sees_others"}
    config.write_text(json.dumps(older))
    add_motion_context(tmp_path)
    fresh = load_strict(JointTransformer, tmp_path)
    assert fresh.config.sees_others
    out, before = run(fresh, **seen()), run(plain)
    assert not out.reaction.any() and before.reaction is None
    for stream in ("audio", "motion"):
        torch.testing.assert_close(out[stream], before[stream], rtol=0, atol=1e-4)  # the same sums, in other memory
    written = (tmp_path / "diffusion_pytorch_model.safetensors").stat().st_mtime_ns
    add_motion_context(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").stat().st_mtime_ns == written, "there already"


def test_after_one_step_of_training_others_reach_brows_gaze_and_head_and_nothing_else() -> None:
    model = tiny_transformer(sees_others=True)
    torch.nn.init.zeros_(model.motion_context.out.weight)
    model(JointInputs(**scene_tensors() | seen())).reaction.sub(1).square().sum().backward()
    with torch.no_grad():
        model.motion_context.out.weight -= 0.1 * model.motion_context.out.weight.grad
    first, second = run(model, **seen()), run(model, **seen(seed=2))
    assert torch.equal(first.audio, second.audio) and torch.equal(first.motion, second.motion)
    changed = (first.reaction - second.reaction).abs().amax((0, 1, 2)) > 0
    assert torch.equal(changed, REACTS)


def test_the_order_of_the_faces_does_not_matter(model: JointTransformer) -> None:
    order, others = [2, 0, 1], seen()
    a = run(model, **others)
    turned = {k: v if k == "sigma" else v[:, order] for k, v in scene_tensors().items()}
    shuffled = run(
        model, **turned, seen=others["seen"][:, [1, 2, 0]], sees=1 - torch.eye(3)[None, order][..., [1, 2, 0]]
    )
    torch.testing.assert_close(shuffled.reaction, a.reaction[:, order], rtol=0, atol=1e-4)


def test_only_faces_that_are_seen_are_reacted_to(model: JointTransformer) -> None:
    sees = torch.tensor([[[0, 1, 0], [0, 0, 1], [0, 0, 0]]]).float()
    others = seen()
    a = run(model, seen=others["seen"], sees=sees)
    changed = others["seen"].clone()
    changed[:, 2] += 1
    b = run(model, seen=changed, sees=sees)
    assert (a.reaction - b.reaction).abs().amax((0, 2, 3)).gt(0).tolist() == [False, True, False]
    assert a.reaction[0, 0].any() and not a.reaction[0, 2].any(), "who sees nobody does not react"


def test_nothing_is_reacted_to_before_it_is_seen(model: JointTransformer) -> None:
    others = seen()
    later = others["seen"].clone()
    later[:, :, 9:] += 1
    a, b = run(model, **others).reaction, run(model, seen=later, sees=others["sees"]).reaction
    assert torch.equal(a[:, :, :9], b[:, :, :9]) and (a - b)[:, :, 9].abs().max() > 1e-3


def test_the_path_of_the_shipped_size_is_small() -> None:
    assert sum(weight.numel() for weight in MotionContext(128).parameters()) < 200_000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"sees": None}, "seen and sees come together"),
        ({"sees": torch.zeros(1, 2, 3)}, r"sees must be \(1, 3, 3\), got \(1, 2, 3\)"),
        ({"seen": torch.zeros(1, 3, 15, SEEN_CHANNELS)}, r"seen must be \(1, 3, 16, 58\), got \(1, 3, 15, 58\)"),
    ],
)
def test_what_does_not_fit_is_refused(model: JointTransformer, changes: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        run(model, **seen() | changes)


def test_weights_that_do_not_see_others_refuse_to_be_shown_them() -> None:
    with pytest.raises(ValueError, match="do not see others"):
        run(tiny_transformer(), **seen())


@pytest.mark.slow
def test_the_weights_that_ship_see_nobody_and_compute_what_they_did(tmp_path: Path) -> None:
    from generation.core.assets import asset

    shipped = load_strict(JointTransformer, asset("model") / "transformer")
    assert not shipped.config.sees_others and "sees_others" not in (asset("model/transformer/config.json")).read_text()
    assert not any("motion_context" in name for name in shipped.state_dict())
    scene = scene_tensors(cast=2)
    g = torch.Generator().manual_seed(0)
    scene["voice"] = torch.randn(1, 2, 65, generator=g)
    scene["symbols"] %= 40
    shutil.copytree(asset("model") / "transformer", tmp_path / "ema")
    add_motion_context(tmp_path / "ema")
    with torch.no_grad():
        before = shipped(JointInputs(**scene))
        after = load_strict(JointTransformer, tmp_path / "ema")(JointInputs(**scene | seen(faces=2)))
    assert torch.equal(after.audio, before.audio) and torch.equal(after.motion, before.motion)
    assert not after.reaction.any()
    figures = [float(x.square().mean()) for x in (before.audio, before.motion)]
    assert figures == pytest.approx([0.115877, 0.147372], rel=1e-3), "as before there was such a path"
