"""Parts of messages: the nearest known word, what is wrong with a file's name, and values cut to a readable length."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters and lone surrogates: no file name, subtitle or title can hold them."""
_MOST_NEIGHBOURS = 1000
"""Files of a folder among which one of a similar name is looked for."""
_LONGEST_NAME = 255
"""Bytes of a file's name, on all usual file systems."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the known word nearest to a wrong one, or a list of the known ones."""
    words = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(word[:60].casefold(), words, n=1, cutoff=0.6)
    if close:
        return f"did you mean {words[close[0]]!r}?"
    return f"known are {', '.join(sorted(words.values()))}." if words else "none is known."


def is_file(path: Path) -> bool:
    """Whether an ordinary file is there; a path that cannot be one's, such as one that is too long, is none."""
    return os.path.isfile(path)  # noqa: PTH113 - which raises nothing


def existing_file(
    path: Path, what: str, repair: str = "check the name; it counts from the scene file's folder."
) -> str | None:
    """Why a path is not a readable file, as a clause with its repair, or None when it is.

    Args:
        path: the file.
        what: what it is to the reader, such as ``"the picture"``.
        repair: what to do where no file of a similar name is there.
    """
    if (length := max((len(part.encode(errors="replace")) for part in path.parts), default=0)) > _LONGEST_NAME:
        return f"{what} {shortened(path.name)} has a name of {length} bytes; {_LONGEST_NAME} are the most."
    try:
        if path.is_file():
            return None
        if path.is_dir():
            return f"{what} {shortened(path.name)} is a folder; name a file."
        if path.exists():
            return f"{what} {shortened(path.name)} is a device or a pipe; name an ordinary file."
        siblings = [item.name for item in islice(path.parent.iterdir(), _MOST_NEIGHBOURS)]
    except (OSError, ValueError):
        siblings = []
    close = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.7)
    hint = f"did you mean {close[0]!r}?" if close else repair
    return f"{what} {shortened(path.name)} does not exist; {hint}"


def shortened(value: Any) -> str:  # noqa: ANN401 - whatever somebody wrote
    """A value as its author wrote it, in quotation marks where it is text, cut to 60 signs."""
    try:
        text = repr(value[:80]) if isinstance(value, str | bytes) else repr(value)
    except ValueError:  # Python writes out no number of thousands of digits
        return "a very long number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def unwritable(text: str) -> str | None:
    """The first character of a text that can stand in no file, as ``the character U+0000``; None without one."""
    found = _UNWRITABLE.search(text)
    return f"the character U+{ord(found[0]):04X}" if found else None


def visible(text: str) -> str:
    """A text as a terminal may show it: what is seen as nothing, or moves the cursor, is spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in text)
