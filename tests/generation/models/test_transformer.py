"""The joint transformer: who sees whom, by voice, face, line and window; shapes; saving."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from random_networks import scene_tensors, tiny_transformer
from torch import Tensor

from generation.core.weights import load_strict
from generation.models.joint_inputs import JointInputs
from generation.models.transformer import JointTransformer, JointTransformerOutput

CLOSE = dict(rtol=0, atol=1e-4)
"""Outputs of size 1 to 5 whose products were summed in another order: shapes and alignment decide how a processor
groups the terms, and two layers magnify the last bits of float32 some ten times."""


@pytest.fixture(scope="module")
def model() -> JointTransformer:
    return tiny_transformer()


@torch.no_grad()
def run(model: JointTransformer, tensors: dict[str, Tensor], **changes: Tensor | None) -> JointTransformerOutput:
    return model(JointInputs(**tensors | changes))


def differs(a: Tensor, b: Tensor) -> Tensor:
    """(K, T) whether the tokens of scene 0 differ."""
    return (a - b).abs()[0].amax(-1) > 1e-4


def changed(tensors: dict[str, Tensor], name: str, character: int, frames: slice = slice(None)) -> dict[str, Tensor]:
    """The same scene with other values of one argument in some frames of one character."""
    values = tensors[name].clone()
    values[:, character, frames] = torch.randn(values[:, character, frames].shape)
    return tensors | {name: values}


def routed(voice_of_face: list[int], n_frames: int, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Face j speaks with voice ``voice_of_face[j]``; each voice's audio attends to the first face that it drives."""
    drivers = torch.tensor(voice_of_face)
    n_voices = tensors["audio"].shape[1]
    partners = [voice_of_face.index(v) if v in voice_of_face else 0 for v in range(n_voices)]
    return {
        "driver": drivers[None, :, None].repeat(1, 1, n_frames),
        "partner": torch.tensor(partners)[None, :, None].repeat(1, 1, n_frames),
        "face_voice": tensors["voice"][:, drivers][:, :, None],
    }


@pytest.mark.parametrize("lines", [False, True])
def test_everyone_driving_their_own_face_is_the_same_as_no_routing(model: JointTransformer, lines: bool) -> None:
    tensors = scene_tensors(cast=3, n_frames=12)
    line_numbers = torch.tensor([[0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 2, 0], [3] * 12, [0] * 12])[None] if lines else None
    plain = run(model, tensors, line_numbers=line_numbers)
    whole = run(model, tensors, line_numbers=line_numbers, share=torch.ones(1, 3, 12))
    mine = run(model, tensors, line_numbers=line_numbers, **routed([0, 1, 2], 12, tensors))
    for other in (whole, mine):
        torch.testing.assert_close(other.audio, plain.audio, **CLOSE)
        torch.testing.assert_close(other.motion, plain.motion, **CLOSE)


@pytest.mark.parametrize("name", ["audio", "phoneme_position", "voice"])
def test_a_face_moves_by_the_voice_that_it_is_routed_to_and_by_no_other(model: JointTransformer, name: str) -> None:
    tensors = scene_tensors(cast=3)
    tensors["heard"] = None
    faces = [1, 2, 0]
    other = changed(tensors, name, 1)
    before = run(model, tensors, **routed(faces, 16, tensors))
    after = run(model, other, **routed(faces, 16, other))
    moved = differs(before.motion, after.motion)
    assert moved[0].all() and not moved[[1, 2]].any(), "words, sound and speaker of voice 1 belong to face 0 alone"


def test_a_rotation_of_the_voices_is_the_same_scene_with_faces_renamed(model: JointTransformer) -> None:
    """Fails where anything of a face still follows its own number in place of its voice."""
    tensors = scene_tensors(cast=3)
    faces = [1, 2, 0]
    turned = {k: v[:, faces] if k in ("motion", "motion_given", "heard") else v for k, v in tensors.items()}
    inverse = [faces.index(v) for v in range(3)]
    plain = run(model, tensors)
    rotated = run(model, turned, **routed(faces, 16, tensors))
    torch.testing.assert_close(rotated.motion[:, inverse], plain.motion, **CLOSE)
    torch.testing.assert_close(rotated.audio, plain.audio, **CLOSE)


def test_voices_and_faces_may_be_of_different_number(model: JointTransformer) -> None:
    two, three = scene_tensors(cast=2), scene_tensors(cast=3)
    of_faces = ("motion", "motion_given", "heard")
    unison = two | {name: three[name] for name in of_faces}
    out = run(model, unison, **routed([1, 1, 1], 16, unison))
    assert out.motion.shape[1] == 3 and out.audio.shape[1] == 2
    narrator = three | {name: two[name] for name in of_faces}
    out = run(model, narrator, **routed([2, 0], 16, narrator))
    assert out.motion.shape[1] == 2 and out.audio.shape[1] == 3


def test_a_face_may_change_its_voice_half_way(model: JointTransformer) -> None:
    shallow = tiny_transformer(num_layers=1, joint_window=1, max_distance=4)
    tensors = scene_tensors(cast=2)
    tensors["heard"] = None
    how = routed([0, 1], 16, tensors)
    how["driver"] = how["driver"].clone()
    how["driver"][0, 0, 8:], how["driver"][0, 1, 8:] = 1, 0
    how["face_voice"] = tensors["voice"].gather(1, how["driver"][0, :, :, None].flatten(0, 1)[None].expand(1, -1, 5))
    how["face_voice"] = how["face_voice"].unflatten(1, (2, 16))
    before, after = (run(shallow, t, **how) for t in (tensors, changed(tensors, "phoneme_position", 0)))
    moved = differs(before.motion, after.motion)
    assert moved[0, :6].all() and not moved[0, 12:].any() and moved[1, 10:].all() and not moved[1, :4].any()


def test_without_a_share_no_audio_reaches_any_face(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=2)
    silent = torch.zeros(1, 2, 16)
    # The audio stream sees motion, so what must not pass is audio -> motion.
    before = run(model, tensors, share=silent)
    after = run(model, changed(tensors, "audio", 0), share=silent)
    assert not differs(before.motion, after.motion).any()
    assert differs(before.audio, after.audio)[0].all()
    assert differs(before.motion, run(model, tensors).motion).any()


@pytest.mark.parametrize("name", ["audio", "motion", "heard", "phoneme_position", "voice"])
def test_nothing_of_another_character_reaches_one(model: JointTransformer, name: str) -> None:
    tensors = scene_tensors(cast=3)
    before, after = (run(model, t) for t in (tensors, changed(tensors, name, 1)))
    for stream in ("audio", "motion"):
        touched = differs(before[stream], after[stream])
        assert touched[1].any() and not touched[[0, 2]].any()


def test_a_line_sees_only_itself_and_the_time_between_sees_all(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=1, n_frames=12)
    line_numbers = torch.tensor([[[1, 1, 1, 1, 0, 0, 2, 2, 2, 2, 0, 0]]])
    for name in ("audio", "motion", "heard"):
        after = changed(tensors, name, 0, slice(6, 10))
        a, b = (run(model, t, line_numbers=line_numbers) for t in (tensors, after))
        for stream in ("audio", "motion"):
            touched = differs(a[stream], b[stream])[0]
            assert not touched[:4].any()
            if (name, stream) != ("heard", "audio"):
                assert touched[4:].all()


def test_a_routed_face_is_cut_by_the_lines_of_its_voice(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=2, n_frames=12)
    tensors["heard"] = None
    line_numbers = torch.tensor([[[1] * 6 + [2] * 6, [3] * 4 + [4] * 8]])
    how = routed([1, 0], 12, tensors) | {"line_numbers": line_numbers}
    a, b = (run(model, t, **how) for t in (tensors, changed(tensors, "audio", 0, slice(6, 12))))
    touched = differs(a.motion, b.motion)
    assert not touched[0].any() and not touched[1, :6].any() and touched[1, 6:].all()


def test_streams_see_each_other_within_the_window_only() -> None:
    model = tiny_transformer(num_layers=1, joint_window=3)
    tensors = scene_tensors(cast=1)
    motion = differs(run(model, tensors).motion, run(model, changed(tensors, "audio", 0, slice(8, 9))).motion)[0]
    audio = differs(run(model, tensors).audio, run(model, changed(tensors, "motion", 0, slice(8, 9))).audio)[0]
    assert motion.nonzero().flatten().tolist() == list(range(5, 12))
    assert audio.nonzero().flatten().tolist() == list(range(4, 13)), "one more, for the mel head's neighbours"


def test_attention_ends_at_the_greatest_distance() -> None:
    model = tiny_transformer(num_layers=1, joint_every=0, max_distance=6)
    tensors = scene_tensors(cast=1)
    for line_numbers in (None, torch.ones(1, 1, 16, dtype=torch.int64)):
        a, b = (run(model, t, line_numbers=line_numbers) for t in (tensors, changed(tensors, "audio", 0, slice(8, 9))))
        assert differs(a.audio, b.audio)[0].nonzero().flatten().tolist() == list(range(2, 15))  # +- 1: mel head


def test_the_order_of_the_cast_only_reorders_the_result(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=3)
    g = torch.Generator().manual_seed(5)
    more = {"share": torch.rand(1, 3, 16, generator=g), "line_numbers": torch.randint(0, 3, (1, 3, 16), generator=g)}
    order = [2, 0, 1]
    a = run(model, tensors, **more)
    b = run(model, {k: v if k == "sigma" else v[:, order] for k, v in (tensors | more).items()})
    torch.testing.assert_close(b.motion, a.motion[:, order], **CLOSE)
    torch.testing.assert_close(b.audio, a.audio[:, order], **CLOSE)


def test_a_batch_of_one_equals_a_batch_of_many(model: JointTransformer) -> None:
    tensors = scene_tensors(batch=3, cast=2)
    g = torch.Generator().manual_seed(5)
    more = {"share": torch.rand(3, 2, 16, generator=g), "line_numbers": torch.arange(16).expand(3, 2, 16) // 6}
    many = run(model, tensors, **more)
    for i in range(3):
        one = run(model, {k: v[i : i + 1] for k, v in (tensors | more).items()})
        torch.testing.assert_close(one.audio, many.audio[i : i + 1], **CLOSE)
        torch.testing.assert_close(one.motion, many.motion[i : i + 1], **CLOSE)


def test_a_larger_share_moves_a_face_more(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=2)
    other = changed(tensors, "audio", 1)
    effect = []
    for share in (0.0, 0.05, 0.4):
        shares = torch.tensor([1.0, share])[None, :, None].repeat(1, 1, 16)
        a, b = (run(model, t, share=shares).motion[0, 1] for t in (tensors, other))
        effect.append(float((a - b).abs().mean()))
    assert effect[0] == 0 < effect[1] < effect[2]


def test_given_and_noisy_values_are_told_apart(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=1)
    for name in ("audio_given", "motion_given"):
        flipped = tensors | {name: 1 - tensors[name]}
        assert differs(run(model, tensors).motion, run(model, flipped).motion).any()


def test_audio_alone_is_the_audio_stream_of_layers_that_are_not_joint() -> None:
    model = tiny_transformer(joint_every=0)
    tensors = scene_tensors(cast=2)
    alone = run(model, tensors, motion=None, motion_given=None)
    assert alone.motion is None
    torch.testing.assert_close(alone.audio, run(model, tensors).audio, **CLOSE)


def test_tuple_and_output_hold_the_same(model: JointTransformer) -> None:
    tensors = scene_tensors(cast=1)
    with torch.no_grad():
        audio, motion, _ = model(JointInputs(**tensors), return_dict=False)
    output = run(model, tensors)
    assert torch.equal(audio, output.audio) and torch.equal(motion, output.motion)


def test_saved_and_loaded_its_weights_are_the_same_to_the_bit_and_it_computes_alike(
    model: JointTransformer, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    loaded = load_strict(JointTransformer, tmp_path)
    assert dict(loaded.config)["voice_names"] == ["ann", "bob"] and not loaded.training
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    tensors = scene_tensors()
    torch.testing.assert_close(run(loaded, tensors).motion, run(model, tensors).motion, **CLOSE)


def test_loaded_weights_lie_in_aligned_memory_and_no_longer_in_the_file(
    model: JointTransformer, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    loaded = load_strict(JointTransformer, tmp_path)
    assert {weight.data_ptr() % 64 for weight in loaded.parameters()} == {0}


@pytest.mark.parametrize("damage", ["missing", "foreign", "truncated", "other"])
def test_weights_that_do_not_fit_are_refused(model: JointTransformer, tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    model.save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    if damage == "missing":
        del weights["audio_out.bias"]
    elif damage == "foreign":
        weights["audio_out.more"] = torch.zeros(3)
    elif damage == "other":
        weights["audio_out.bias"] = torch.zeros(3)
    save_file(weights, file)
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(RuntimeError, match="weights of JointTransformer .*(do not fit|cannot be read).*train.py"):
        load_strict(JointTransformer, tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="weights of JointTransformer are missing at nothing/"):
        load_strict(JointTransformer, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("audio", (1, 3, 16, 399)), ("audio", (3, 16, 400)), ("motion", (1, 3, 15, 57)), ("sigma", (2,)),
        ("symbols", (1, 3, 16)), ("phoneme_position", (1, 3, 64)), ("voice", (1, 3, 4)), ("audio_given", (1, 3, 16, 1)),
        ("motion_given", (1, 2, 16)), ("heard", (1, 3, 16, 400)), ("share", (1, 3, 3, 16)),
        ("line_numbers", (1, 3, 64)),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_named_with_what_was_expected(
    model: JointTransformer, name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be \(.*\), got {re.escape(str(shape))}\.$"):
        run(model, scene_tensors(), **{name: torch.zeros(shape)})


def test_inputs_side_by_side_in_a_batch_and_the_audio_stream_alone(model: JointTransformer) -> None:
    scenes = [JointInputs(**scene_tensors(cast=2, seed=seed), share=torch.ones(1, 2, 16)) for seed in (1, 2)]
    present = [name for name, value in vars(scenes[0]).items() if value is not None]
    beside = {name: torch.cat([getattr(scene, name) for scene in scenes]) for name in present}
    with torch.no_grad():
        both = model(JointInputs(**beside))
        for i, scene in enumerate(scenes):
            torch.testing.assert_close(both.motion[i : i + 1], model(scene).motion, **CLOSE)
        alone = model(scenes[0].without_motion())
    assert alone.motion is None and alone.audio.shape == scenes[0].audio.shape
    moved = scenes[0].to("meta")
    assert moved.line_numbers is None and {moved.audio.device.type, moved.share.device.type} == {"meta"}


def test_motion_without_its_flags_is_refused(model: JointTransformer) -> None:
    with pytest.raises(ValueError, match="come together"):
        run(model, scene_tensors(), motion_given=None)


def test_a_driver_without_partner_and_voices_of_the_faces_is_refused(model: JointTransformer) -> None:
    with pytest.raises(ValueError, match="driver, partner and face_voice come together"):
        run(model, scene_tensors(), driver=torch.zeros(1, 3, 16, dtype=torch.int64))
