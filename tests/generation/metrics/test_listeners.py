"""How far listeners follow the speaker whom they see: by labels with and without reactions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from generation.core.clock import FPS
from generation.core.motion import INDEX
from generation.metrics.listeners import reaction_to_partner
from generation.motion.gaze import Cues
from generation.motion.gestures import gestures
from generation.motion.reactions import reactions

Motions = list[np.ndarray]


@pytest.fixture(scope="module")
def pairs() -> tuple[Motions, Motions, Motions]:
    """Speakers, listeners who see nobody, and what the sight of the speaker adds to them."""
    found = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        speaking, silence = np.ones(125, np.float32), np.zeros(125, np.float32)
        speaking[60:72] = 0
        stress = ((rng.random(125) < 0.1) * speaking).astype(np.float32)
        speaker = gestures(Cues(stress, speaking, silence, silence), seed)
        listener = gestures(Cues(silence, silence, speaking, silence), seed + 1000)
        found.append((speaker, listener, reactions(speaker, speaking, silence, seed)))
    speakers, listeners, added = zip(*found, strict=True)
    return list(speakers), list(listeners), list(added)


def test_labels_follow_their_partner_and_motion_without_sight_follows_nobody(
    pairs: tuple[Motions, Motions, Motions],
) -> None:
    speakers, listeners, added = pairs
    without = reaction_to_partner(speakers, listeners)
    seeing = reaction_to_partner(speakers, [a + b for a, b in zip(listeners, added, strict=True)])
    assert abs(without["gain"]) < 0.1 and seeing["gain"] > 0.25
    assert all(seeing[name] - seeing[f"{name}_shuffled"] > 0.1 for name in ("nod", "brows", "gaze"))


def test_a_delayed_copy_is_found_at_its_lag_and_a_shuffled_partner_is_not() -> None:
    rng = np.random.default_rng(0)
    speakers = [np.zeros((100, 57), np.float32) for _ in range(6)]
    for motion in speakers:
        motion[:, INDEX["headRotationX"]] = rng.normal(size=100)
    late = [np.roll(motion, 12, axis=0) for motion in speakers]
    assert reaction_to_partner(speakers, late)["nod"] == pytest.approx(1, abs=1e-6)
    assert abs(reaction_to_partner(speakers, late)["nod_shuffled"]) < 0.3
    assert reaction_to_partner(speakers, [np.roll(m, 2 * FPS, axis=0) for m in speakers])["nod"] < 0.3
    assert reaction_to_partner(speakers, late)["brows"] == 0, "nothing moves there"


@pytest.mark.parametrize(("speakers", "listeners"), [(1, 1), (3, 2)])
def test_reactions_need_pairs(speakers: int, listeners: int) -> None:
    some = [np.zeros((50, 57), np.float32)] * 3
    with pytest.raises(ValueError, match="need two pairs or more; got"):
        reaction_to_partner(some[:speakers], some[:listeners])
