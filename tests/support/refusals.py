"""What every refusal has in common: an exit status, and one clear sentence without the program's insides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from studio.cli import main

INSIDES = ("Traceback", "Errno", "fault of the program", "object at 0x", "<class", "pydantic", "NoneType", "0x7f")
LONGEST = 420
"""Letters of a sentence, the repair with its list of what is known included."""


def refused(arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str], *needles: str) -> str:
    """The one sentence with which a command ends; it holds the needles and its status is 1."""
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    sentences = [line for line in told.err.splitlines() if not line.startswith("  0 %")]
    assert code == 1, told
    assert len(sentences) == 1, "\n".join(sentences)
    (sentence,) = sentences
    assert not [word for word in INSIDES if word in sentence], sentence
    assert sentence.endswith((".", "?")) and len(sentence) <= LONGEST, sentence
    assert sentence.isprintable(), ascii(sentence)
    assert all(needle in sentence for needle in needles), sentence
    return sentence
