"""A long recording is cut where its sentences end: at the pauses that fit what is said, not at those within."""

from __future__ import annotations

import numpy as np
import pytest

from generation.finetuning.sentence_split import cut

RATE = 24_000
SENTENCES = ["One two three four five.", "Six!", "Seven, eight, nine, ten, eleven and twelve.", "Is thirteen more?"] * 3


def tone(seconds: float) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * 220 * np.arange(round(RATE * seconds)) / RATE).astype(np.float32)


def recording(pace: float = 16.0, pause: float = 0.5) -> tuple[np.ndarray, list[float]]:
    """Sentences at so many letters a second, each with a short pause within; and where each ends, in seconds."""
    rng = np.random.default_rng(0)
    parts, ends, now = [], [], 0.0
    for sentence in SENTENCES:
        seconds = sum(map(str.isalnum, sentence)) / pace * rng.uniform(0.85, 1.15) + 0.15
        first = seconds * rng.uniform(0.3, 0.7)
        quiet = [np.zeros(round(RATE * length), np.float32) for length in (0.24, pause * rng.uniform(0.8, 1.2))]
        parts += [tone(first), quiet[0], tone(seconds - first), quiet[1]]
        now += sum(map(len, parts[-4:])) / RATE
        ends.append(now)
    return np.concatenate(parts), ends


def test_sentences_are_found_at_the_pauses_between_them() -> None:
    sound, ends = recording()
    pieces = cut(sound, "\n".join(SENTENCES))
    assert " ".join(piece.text for piece in pieces) == " ".join(SENTENCES), "no word is lost"
    assert pieces[0].start == 0 and pieces[-1].stop == pytest.approx(len(sound) / RATE, abs=0.05)
    assert all(a.stop == b.start for a, b in zip(pieces, pieces[1:], strict=False))
    last = [sum(map(len, " ".join(piece.text for piece in pieces[: n + 1]).split())) for n in range(len(pieces))]
    wanted = np.cumsum([sum(map(len, sentence.split())) for sentence in SENTENCES]).tolist()
    assert set(last) <= set(wanted), "cut between sentences alone"
    right = [abs(piece.stop - ends[wanted.index(n)]) < 0.6 for piece, n in zip(pieces, last, strict=True)]
    assert len(pieces) >= 8 and sum(right) >= len(pieces) - 1


def test_what_cannot_be_cut_stays_whole() -> None:
    assert [piece.text for piece in cut(tone(4.0), "One two. Three.")] == ["One two. Three."]
    assert [piece.text for piece in cut(recording()[0], "no end in sight")] == ["no end in sight"]
    assert len(cut(np.zeros(RATE, np.float32), "One. Two.")) == 1
