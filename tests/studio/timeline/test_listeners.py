"""Listeners: what they hear, and that reactions follow the other, by attitude, and never move lips or a speaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from durations import EachLasts

from generation.core.clock import FPS
from generation.core.motion import INDEX, MOUTH, N_CHANNELS, ROTATION
from generation.core.performance import StoredPerformance
from studio.scene.schema import Scene
from studio.timeline.directed import directed_scene
from studio.timeline.listeners import ListeningCast, heard_by, phrase_ends
from studio.timeline.timeline import Speaker, Timeline, build_timeline

SAID = "When we came home, the door was open, and all the lamps were burning. Nobody knew why."
LIPS = [INDEX[name] for name in MOUTH if not name.startswith("mouthSmile")]
SMILE = INDEX["mouthSmileLeft"]
SPOKEN = EachLasts(8, {",": 30, ".": 30})
"""Pauses at commas and full stops."""


def setting(*script: object, **of_theo: object) -> tuple[Scene, Timeline]:
    cast = [{"name": "Nora"}, {"name": "Theo"} | of_theo, {"name": "Max"}]
    scene = directed_scene(Scene.model_validate({"picture": "p.png", "cast": cast, "script": script}))
    return scene, build_timeline(scene, [Speaker(None)] * 3, SPOKEN, lambda line: np.zeros(0, np.float32))


def speaker(n: int, seed: int) -> np.ndarray:
    """Motion of somebody who speaks: nods, smiles and turns at random times."""
    rng, out = np.random.default_rng(seed), np.zeros((n, N_CHANNELS), np.float32)
    t = np.arange(n)
    for at in rng.integers(0, n, n // 60):
        out[:, ROTATION.start] += 0.09 * np.exp(-(((t - at) / 5) ** 2))
    for channel, size in ((ROTATION.start + 1, 0.15), (SMILE, 0.6), (INDEX["mouthSmileRight"], 0.6)):
        for at in rng.integers(0, n, max(1, n // 120)):
            out[:, channel] += size * np.exp(-(((t - at) / 20) ** 2))
    return out


def listened(
    seen: np.ndarray, scene: Scene, timeline: Timeline, folder: Path, seed: int = 0, cut: int = 97
) -> np.ndarray:
    """Theo's motion, window by window."""
    performance = StoredPerformance.still([member.name for member in scene.cast], timeline.n_frames, folder)
    performance.motion[0][0 : len(seen)] = seen
    listeners = ListeningCast(scene, timeline, seed)
    for first in range(0, timeline.n_frames, cut):
        listeners.react(performance, performance, [], first, min(timeline.n_frames, first + cut))
    np.testing.assert_array_equal(performance.motion[0][0 : len(seen)], seen)
    return performance.motion[1][0 : len(seen)]


def nods(motion: np.ndarray) -> float:
    pitch = motion[:, ROTATION.start]
    return float(((pitch[1:-1] > 0.03) & (pitch[1:-1] > pitch[:-2]) & (pitch[1:-1] >= pitch[2:])).sum())


def test_phrases_end_where_a_voice_pauses() -> None:
    _, timeline = setting({"Nora": SAID})
    ends = list(phrase_ends(timeline.lines[0]))
    assert len(ends) == 4 and ends == sorted(ends) and ends[-1] <= timeline.lines[0].stop


def test_who_speaks_listens_to_nobody_and_others_are_heard_a_moment_longer() -> None:
    scene, timeline = setting({"Nora": SAID}, {"Theo": "I see."})
    nora, theo = timeline.lines
    heard = heard_by(scene, timeline, 1, 0)
    assert heard is not None and not heard.free[theo.start : theo.stop].any()
    assert (
        heard.free[nora.start + 15 : nora.stop - 20].min() > 0.9 and (heard.partner[nora.start : nora.stop] == 0).all()
    )
    alone, spoken = setting({"Theo": "I see."})
    assert heard_by(alone, spoken, 1, 0) is None


def test_attitudes_order_nods_and_smiles(tmp_path: Path) -> None:
    counts: dict[str, list[tuple[float, float]]] = {}
    for attitude in ("positive", "neutral", "negative"):
        scene, timeline = setting({"Nora": SAID}, {"who": "Nora", "text": SAID, "pause": 0.5}, attitude=attitude)
        for seed in range(20):
            made = listened(0.6 * speaker(timeline.n_frames, seed), scene, timeline, tmp_path, seed)
            counts.setdefault(attitude, []).append((nods(made), float(made[:, SMILE].mean())))
    positive, neutral, negative = (np.array(counts[a]) for a in ("positive", "neutral", "negative"))
    for more, less in ((positive, neutral), (neutral, negative)):
        spread = np.sqrt((more.var(0) + less.var(0)) / 2) + 1e-9
        assert ((more.mean(0) - less.mean(0)) / spread).min() >= 1


def test_reactions_follow_the_partner_and_not_another(tmp_path: Path) -> None:
    scene, timeline = setting(*[{"Nora": SAID}] * 3)
    n = timeline.n_frames
    seen = [speaker(n, seed) for seed in range(8)]
    made = [listened(each, scene, timeline, tmp_path, seed) for seed, each in enumerate(seen)]

    def gain(channel: int, lag: int) -> float:
        r = [[np.corrcoef(a[: n - lag, channel], b[lag:, channel])[0, 1] for b in made] for a in seen]
        own = np.eye(len(r), dtype=bool)
        return float(np.array(r)[own].mean() - np.array(r)[~own].mean())

    assert gain(SMILE, round(0.7 * FPS)) > 0.4
    assert gain(ROTATION.start + 1, round(0.6 * FPS)) > 0.4
    assert gain(ROTATION.start, round(0.65 * FPS)) > 0.1


def test_lips_do_not_move_and_windows_make_no_difference(tmp_path: Path) -> None:
    scene, timeline = setting({"Nora": SAID}, {"Theo": "I see."}, {"Nora": SAID})
    seen = speaker(timeline.n_frames, 3)
    made = listened(seen, scene, timeline, tmp_path)
    assert not made[:, LIPS].any() and made.any()
    theo = timeline.lines[1]
    assert not made[theo.start : theo.stop].any()
    other = listened(seen, scene, timeline, tmp_path, cut=233)
    assert np.abs(np.diff(made, axis=0)).max() < 0.08
    np.testing.assert_allclose(made, other, atol=0.02)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("NORA: (Theo listens warmly) Yes, it was.", 0),
        ("NORA: (listening coldly) Yes, it was.", 2),
        ({"who": "NORA", "text": "Yes, it was.", "attitudes": {"theo": "negative"}}, 2),
        ({"who": "NORA", "text": "(Theo approves) Yes.", "attitudes": {"Theo": "neutral"}}, 1),
        ("NORA: (Max listens warmly) Yes, it was.", 1),
    ],
)
def test_a_line_says_how_it_is_listened_to(line: object, level: int) -> None:
    scene, timeline = setting({"Nora": SAID}, line)
    heard = heard_by(scene, timeline, 1, 0)
    assert heard is not None
    assert set(heard.attitudes[timeline.lines[1].start : timeline.lines[1].stop]) == {level}
    assert set(heard.attitudes[: timeline.lines[0].stop]) == {1}
