"""Faces that see each other while they are sampled, in both samplers: what reaches whom, and what never does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from adapter_fixtures import stirred
from random_networks import tiny_transformer
from torch import Tensor

from generation.core.motion import CHANNELS, INDEX, REACTING
from generation.core.performance import CastMember, Line, Performance
from generation.models.joint_inputs import JointInputs
from generation.models.vocoder import Vocoder
from generation.pipeline.conditioning import Given, LatentState
from generation.pipeline.face_routing import route
from generation.pipeline.joint import JointPipeline
from generation.pipeline.listening import seen_motion
from generation.pipeline.sampling import Sampling

N = 24
CAST = [CastMember(name, np.full(4, i - 1.0, np.float32), i - 1.0) for i, name in enumerate(("Ann", "Bo", "Eve"))]
LINES = [Line("1", 0, 2, 10, " həloʊ ", (4, 6, 6, 8, 6, 6, 4)), Line("2", 1, 14, 8, " ha ", (8, 8, 8, 8))]
SAMPLERS = {"guided": Sampling(steps=2), "distilled": Sampling()}
REACTS = np.array([name in REACTING for name in CHANNELS])
REACTS_AND_FLAG = np.append(REACTS, True)


def made(sees_others: bool) -> JointPipeline:
    """Both have the same weights but for the path by which faces see each other; sound is not tested here."""
    seeing = tiny_transformer(sees_others=True)
    transformer = seeing
    if not sees_others:
        transformer = tiny_transformer()
        weights = seeing.state_dict()
        transformer.load_state_dict({name: weights[name] for name in transformer.state_dict()})
    pipeline = stirred(JointPipeline.assemble(transformer, Vocoder(dim=16, hidden=32, num_layers=1).eval()))
    pipeline.vocoder.decode = lambda mel: mel.mean(-1).repeat_interleave(240, 1)
    return pipeline


@pytest.fixture(scope="module")
def pipeline() -> JointPipeline:
    return made(sees_others=True)


@pytest.fixture(scope="module")
def blind() -> JointPipeline:
    return made(sees_others=False)


def sampled(pipeline: JointPipeline, cast: list[CastMember], how: str, **more: object) -> Performance:
    lines = [
        replace(line, character=cast.index(CAST[line.character])) for line in LINES if CAST[line.character] in cast
    ]
    return pipeline(lines, cast, N, sampling=SAMPLERS[how], **more)


def states(pipeline: JointPipeline, monkeypatch: pytest.MonkeyPatch) -> list[tuple[LatentState, LatentState]]:
    """What every later run of the sampler ends with."""
    found: list[tuple[LatentState, LatentState]] = []
    denoise = pipeline.denoise
    monkeypatch.setattr(pipeline, "denoise", lambda *args: found.append(denoise(*args)) or found[-1])
    return found


def calls(pipeline: JointPipeline, monkeypatch: pytest.MonkeyPatch) -> list[tuple[JointInputs, tuple]]:
    """Inputs and outputs of every later call of the network."""
    found: list[tuple[JointInputs, tuple]] = []
    forward = pipeline.transformer.forward

    def watched(inputs: JointInputs, return_dict: bool = True) -> object:
        found.append((inputs, forward(inputs, return_dict)))
        return found[-1][1]

    monkeypatch.setattr(pipeline.transformer, "forward", watched)
    return found


@pytest.mark.parametrize("how", SAMPLERS)
def test_another_persons_motion_reaches_brows_gaze_and_head_and_neither_lips_nor_speech(
    pipeline: JointPipeline, blind: JointPipeline, how: str
) -> None:
    rng = np.random.default_rng(0)
    others = [[Given(2, 0, torch.from_numpy(rng.normal(size=(N, 57)).astype(np.float32)))] for _ in range(2)]
    for each, reached in ((pipeline, REACTS), (blind, np.zeros_like(REACTS))):
        a, b = (sampled(each, CAST, how, motion_conditions=given) for given in others)
        for k in (0, 1):  # the third does not speak: nobody hears her
            change = np.abs(a.characters[k].motion.values - b.characters[k].motion.values).max(0)
            assert not change[~reached].any() and (change > 0).sum() >= 0.5 * reached.sum()
            assert np.array_equal(a.characters[k].speech, b.characters[k].speech)


@pytest.mark.parametrize("how", SAMPLERS)
def test_everything_but_the_reactions_is_as_without_them(
    pipeline: JointPipeline, blind: JointPipeline, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_them, without, seen = states(pipeline, monkeypatch), states(blind, monkeypatch), calls(pipeline, monkeypatch)
    sampled(pipeline, CAST, how)
    sampled(blind, CAST, how)
    assert torch.equal(with_them[0][0].blended, without[0][0].blended)
    added = with_them[0][1].latent - without[0][1].latent
    assert not added[..., ~REACTS].any() and added[..., REACTS].abs().max() > 0.1
    if how == "distilled":
        torch.testing.assert_close(added, seen[-1][1][2], rtol=0, atol=1e-5)  # the last step's reaction stays


@pytest.mark.parametrize("how", SAMPLERS)
def test_the_order_of_the_cast_changes_nobodys_motion(pipeline: JointPipeline, how: str) -> None:
    a, b = sampled(pipeline, CAST, how), sampled(pipeline, [CAST[i] for i in (2, 0, 1)], how)
    for k, other in enumerate((1, 2, 0)):
        np.testing.assert_allclose(a.characters[k].motion.values, b.characters[other].motion.values, rtol=0, atol=1e-3)


def test_alone_and_without_the_key_nothing_is_shown_and_nothing_changes(
    pipeline: JointPipeline, blind: JointPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, dialogue = calls(pipeline, monkeypatch), calls(blind, monkeypatch)
    a, b = sampled(pipeline, CAST[:1], "distilled"), sampled(blind, CAST[:1], "distilled")
    sampled(blind, CAST, "distilled")
    assert a.characters[0].motion.values.tobytes() == b.characters[0].motion.values.tobytes()
    assert len(alone) == 4 and len(dialogue) == 8
    assert all(told.seen is None and told.sees is None and out[2] is None for told, out in [*alone, *dialogue])


@pytest.mark.parametrize("how", SAMPLERS)
def test_every_call_of_a_step_is_shown_the_others_as_they_are_then(
    pipeline: JointPipeline, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = calls(pipeline, monkeypatch)
    kept = torch.randn(6, 57, generator=torch.Generator().manual_seed(0))
    sampled(pipeline, CAST, how, motion_conditions=[Given(1, 4, kept)])
    assert len(seen) == {"guided": 2 * 4, "distilled": 4}[how]
    for told, (_, _, reaction) in seen:
        assert told.sees.tolist() == [(1 - torch.eye(3)).tolist()] and reaction is not None
        assert torch.equal(told.seen[0, 1, 4:10, :57], kept) and told.seen[0, ..., 57].sum() == 6
        torch.testing.assert_close(told.seen[..., ~REACTS_AND_FLAG], told.motion[..., ~REACTS], rtol=0, atol=0)
    added = [float((told.seen[..., :57] - told.motion).abs().max()) for told, _ in seen]
    assert added[0] == 0 and added[-1] > 0.01, "reactions are seen, too, from the second step on"


def test_a_channel_that_is_steered_is_left_where_it_was_put(
    pipeline: JointPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, pitch = states(pipeline, monkeypatch), INDEX["headRotationX"]

    def steer(first: int, clean: Tensor) -> Tensor:
        clean = clean.clone()
        clean[:, 0, :, pitch] = 1.5
        return clean

    sampled(pipeline, CAST, "distilled", steer=steer)
    motion = ended[0][1].latent[0, ..., pitch]
    torch.testing.assert_close(motion[0], torch.full((N,), 1.5), rtol=0, atol=1e-5)
    assert motion[1].std() > 1e-3


def test_rows_of_a_face_see_all_others_and_an_unseen_face_sees_nobody() -> None:
    weights = np.zeros((3, 2, 8), np.float32)
    weights[0, 0], weights[1, 0], weights[1, 1] = 0.5, 0.5, 1
    rows = route(weights, np.ones((3, 8), bool))
    assert rows.faces.tolist() == [0, 0, 1, 2]
    state = LatentState.pinned(torch.randn(1, 3, 8, 57))
    told = seen_motion(rows, state)
    assert told["sees"][0].tolist() == [[0, 1], [0, 1], [1, 0], [0, 0]]
    assert torch.equal(told["seen"][..., :57], state.clean[:, :2]) and told["seen"][..., 57].all()
