"""Stage directions in a line of script: found and removed, so that they are not spoken."""

from __future__ import annotations

import re

from generation.text.rules.tables import words

_BRACKETS = re.compile(
    r"\[([^\[\]]{1,200})\]|(?<![\w*])\*(?!\s)([^*\n]{1,100}?)(?<!\s)\*(?![\w*])|\(([^()]{1,100})\)|<(/?[A-Za-z][^<>]{0,80})>"
)
_WORD = re.compile(r"[A-Za-z]+(?:['’.-][A-Za-z]+)*")
_PLACE = "\ue000"
"""Stands where a direction was."""
_MOST_WORDS = 8
"""Of a bracket that begins a line and is taken for a direction whatever it holds."""
_PUNCTUATION = ".,;:!?…"
_PAUSES = ("pause", "beat", "silence")


def is_direction(text: str) -> bool:
    """Whether the text holds words of the direction list and names only, at least one that is an act by itself."""
    written = _WORD.findall(text)
    found = [word.casefold().replace("’", "'") for word in written]
    heads, fillers = words("directions"), words("direction_fillers")
    if not found or re.search(r"\d", text):
        return False
    named = [number > 0 and word[0].isupper() for number, word in enumerate(written)]
    known = (word in heads or word in fillers or name for word, name in zip(found, named, strict=True))
    return any(word in heads for word in found) and all(known)


def _begins_with_act(text: str) -> bool:
    """Whether a direction begins with what somebody does (nods, looking down) or a pause, not with how (softly)."""
    first = _WORD.match(text)
    return first is not None and (first[0] in _PAUSES or bool(re.fullmatch(r"[a-z]{2,}(?:s|ing)(?<!ss)", first[0])))


def _stands_before(before: str, inner: str, after: str) -> bool:
    """Whether a bracket stands before a line as a script's parentheticals do, whatever is in it."""
    begins = not before.replace(_PLACE, "").strip()
    return begins and bool(re.match(r"[\"“'’]?[^\W\d_a-z]", after)) and (
        len(inner.split()) <= _MOST_WORDS and inner.rstrip()[-1:] not in ".!?…")  # fmt: skip


def _acts(text: str) -> bool:
    """Whether words between asterisks tell an act (*takes off the hat*) and do not stress a word (*really*)."""
    first = _WORD.match(text)
    if is_direction(text):
        return True
    several = len(_WORD.findall(text)) > 1
    if first is None or not several:
        return False
    return bool(re.fullmatch(r"[a-z]{2,}(?:s|ing)(?<!ss)(?<!this)(?<!is)(?<!was)", first[0]))


def take_directions(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without its directions, and the directions in order; see :func:`placed_directions`."""
    left, found = placed_directions(text)
    return left, tuple(direction for direction, _ in found)


def placed_directions(text: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The text without its directions, and each of them with the number of words before it.

    A direction is ``[...]``, or ``*...*`` or ``(...)`` with words of the direction list only; ``(...)`` stands at the
    start or end of a sentence, or begins with what somebody does, elsewhere it is spoken. Before a line a short
    ``(...)`` is a direction whatever it holds. Marks of markup such as ``<i>`` are left out as well.
    """
    if not set("[(*<") & set(text):
        return text, ()
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        bracket, star, round_, tag = match.groups()
        if round_ is not None:
            before, after = text[: match.start()].rstrip()[-1:], text[match.end() :].lstrip()[:2]
            edge = not before or before in '.!?…:"”)]*' or not after or after[0] in '.!?…"”'
            leads = _stands_before(_BRACKETS.sub("", text[: match.start()]), round_, text[match.end() :].lstrip())
            if not leads and not ((edge or _begins_with_act(round_)) and is_direction(round_)):
                return match[0]
        elif star is not None and not _acts(star):
            return star
        elif bracket is not None and not _WORD.search(bracket):
            return match[0]
        found.append(next(part for part in match.groups() if part is not None).strip())
        return f" {_PLACE} "

    left = _BRACKETS.sub(take, text)
    before: list[int] = []
    n_words = 0
    for token in left.split():
        before += [n_words] * (token == _PLACE)
        n_words += token.strip(_PUNCTUATION) not in ("", _PLACE)
    if found:
        left = left.replace(_PLACE, "")
        left = re.sub(r"(?<! ) {1,}(?=[.,!?;:])", "", re.sub(r"(?<!\s)\s{2,}", " ", left)).strip()
        left = re.sub(r"^[,;:.]\s?", "", left)
    return left, tuple(zip(found, before, strict=True))
