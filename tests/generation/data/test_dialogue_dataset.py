"""Examples in which a face sees others: who is there, what is reacted to, and that the reactions can be learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from corpora import synthetic_features
from random_networks import tiny_transformer

from generation.core.motion import CHANNELS, REACTING
from generation.data import joint_dataset
from generation.data.dialogue_dataset import DialogueBatch, DialogueDataset
from generation.data.joint_dataset import JointDataset
from generation.models.motion_context import MotionContext
from generation.models.normalizer import LatentNormalizer
from generation.motion.gaze import Cues
from generation.motion.gestures import gestures
from generation.motion.reactions import reactions
from generation.text.phoneme_sequence import UNKNOWN_SYMBOL
from generation.training.flow_matching_loss import joint_loss, with_seen

NORMALIZER = LatentNormalizer(
    np.full(100, -6, np.float32), np.full(100, 2, np.float32), np.zeros(57, np.float32), np.full(57, 0.5, np.float32)
)
JAW, N = CHANNELS.index("jawOpen"), 60
REACTS = torch.tensor([name in REACTING for name in CHANNELS])


def dataset(kind: type[JointDataset] = DialogueDataset) -> JointDataset:
    corpus = synthetic_features()
    total = sum(u.n_frames for u in corpus.utterances)
    lips = np.zeros((total, 57), np.float32)
    lips[:, JAW] = np.arange(total) / total  # tells the frame
    return kind(corpus, lips, NORMALIZER, joint_dataset.corpus_voices(corpus), N)


@pytest.fixture(scope="module")
def drawn() -> DialogueBatch:
    return dataset().batch(96, torch.Generator().manual_seed(0))


def talking(batch: DialogueBatch) -> torch.Tensor:
    """(B,) whether somebody else is heard, were the listener conditioning not dropped."""
    return batch.seen[:, 0, 0].any(-1).any(-1)


def test_batches_have_their_documented_shapes_and_the_same_seed_draws_the_same(drawn: DialogueBatch) -> None:
    assert drawn.seen.shape == (96, 1, 2, N, 57) and drawn.sees.shape == (96, 1, 2)
    assert drawn.reaction.shape == drawn.motion.shape == (96, 1, N, 57)
    first, again, other = (dataset().batch(6, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(value, getattr(again, name)) for name, value in vars(first).items())
    assert not torch.equal(first.seen, other.seen)


def test_a_quarter_of_the_faces_is_not_seen_and_not_reacted_to(drawn: DialogueBatch) -> None:
    there = talking(drawn)
    assert 0.15 < float(there.float().mean()) < 0.4
    assert 0.55 < float(drawn.sees[there, 0, 0].mean()) < 0.95 and not drawn.sees[~there, 0, 0].any()
    assert 0.25 < float(drawn.sees[:, 0, 1].mean()) < 0.5
    reacted = drawn.reaction.flatten(1).abs().amax(1) > 1e-3
    assert not reacted[drawn.sees[:, 0, 0] == 0].any() and reacted[drawn.sees[:, 0, 0] > 0].float().mean() > 0.8
    assert not drawn.reaction[..., ~REACTS].any()


def test_the_partners_lips_say_what_is_heard(drawn: DialogueBatch) -> None:
    total = sum(u.n_frames for u in synthetic_features().utterances)
    checked = 0
    for i in torch.nonzero(talking(drawn) & (drawn.heard[:, 0, :, 400].amax(1) > 0)).flatten():
        speaks = np.flatnonzero(drawn.heard[i, 0, :, 401].numpy())
        jaw = drawn.seen[i, 0, 0, :, JAW].numpy() * 0.5
        assert not jaw[np.setdiff1d(np.arange(N), speaks)].any()
        assert np.allclose(np.diff(jaw[speaks]), 1 / total, atol=1e-5)
        mel = NORMALIZER.mel(drawn.heard[i, 0, :, :400].numpy())
        which = synthetic_features().utterances[round(-3.0 - float(mel[4 * speaks[0], 50]))]
        assert jaw[speaks[0]] == pytest.approx(which.first / total, abs=1e-5)
        checked += 1
    assert checked > 8


def test_plain_examples_that_are_joined_show_nobody(drawn: DialogueBatch) -> None:
    plain = dataset(JointDataset).batch(4, torch.Generator().manual_seed(0))
    joined = drawn.joined(plain)
    assert torch.equal(joined.audio[-4:], plain.audio) and torch.equal(joined.seen[:96], drawn.seen)
    assert not joined.sees[-4:].any() and not joined.reaction[-4:].any()
    assert isinstance(joined.to(torch.device("cpu")), DialogueBatch)


def test_others_are_shown_at_the_noise_level_or_clean_and_given(drawn: DialogueBatch) -> None:
    torch.manual_seed(0)
    sigma = torch.full((96,), 0.5)
    told = with_seen(drawn.inputs(torch.zeros(2, 4), drawn.audio, drawn.motion, sigma), drawn)
    given = told.seen[:, 0, 0, 57] > 0
    clean = (told.seen[..., :57] == drawn.seen[:, 0]).flatten(1).all(1)
    assert torch.equal(given, clean) and 0.35 < float(given.float().mean()) < 0.65
    noise = told.seen[~given][..., :57] - 0.5 * drawn.seen[~given, 0]
    assert float(noise.std()) == pytest.approx(0.5, rel=0.05)


def test_the_loss_trains_the_path_and_holds_reactions_out_of_the_motion(drawn: DialogueBatch) -> None:
    model = tiny_transformer(n_symbols=UNKNOWN_SYMBOL, voice_dim=4, sees_others=True)
    chosen = torch.nonzero(drawn.sees[:, 0, 0]).flatten()[:6]
    few = DialogueBatch(**{name: value[chosen] for name, value in vars(drawn).items()})
    torch.manual_seed(0)
    loss, parts = joint_loss(model, few)
    loss.backward()
    assert parts["reaction"] > 0 and all(weight.grad.any() for weight in model.motion_context.parameters())
    torch.manual_seed(0)
    few.reaction = few.reaction + 1
    with torch.no_grad():
        changed = joint_loss(model, few)[1]
    assert changed["motion"] == parts["motion"] and changed["reaction"] != parts["reaction"]


def pairs(seeds: range, n: int = 75) -> tuple[torch.Tensor, torch.Tensor]:
    """Motion of speakers (P, 1, n, 57), and how a listener reacts to it, (P, 1, n, 57)."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        speaking, silence = np.ones(n, np.float32), np.zeros(n, np.float32)
        pause = int(rng.integers(20, 45))
        speaking[pause : pause + 12] = speaking[-8:] = 0
        stress = ((rng.random(n) < 0.1) * speaking).astype(np.float32)
        speaker = gestures(Cues(stress, speaking, silence, silence), seed)
        speaker[:, JAW] = 0.4 * speaking
        found.append((speaker, reactions(speaker, speaking, silence, seed)))
    return tuple(torch.from_numpy(np.stack(side))[:, None] / 0.05 for side in zip(*found, strict=True))


def test_a_short_training_learns_to_react_to_the_partner_whom_it_sees() -> None:
    (seen, wanted), (others, answers) = pairs(range(40)), pairs(range(1000, 1024))
    torch.manual_seed(0)
    path = MotionContext(token_dim=2, dim=16)
    optimizer = torch.optim.AdamW(path.parameters(), lr=1e-2)

    def error(shown: torch.Tensor, reaction: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        noisy = (1 - level) * shown + level * torch.randn_like(shown)
        told = torch.cat((noisy, torch.zeros_like(noisy[..., :1])), -1)
        tokens = shown.new_zeros(*shown.shape[:3], 2)
        return (path(tokens, told, shown.new_ones(len(shown), 1, 1)) - reaction).square().mean()

    def held_out(shown: torch.Tensor) -> float:
        with torch.no_grad():
            return float(error(shown, answers, torch.tensor(0.25)))

    start = held_out(others)
    for _ in range(50):
        some = torch.randint(len(seen), (16,))
        optimizer.zero_grad()
        error(seen[some], wanted[some], torch.rand(16, 1, 1, 1)).backward()
        optimizer.step()
    assert held_out(others) < 0.7 * start and held_out(others) < 0.75 * held_out(others.roll(1, 0))
