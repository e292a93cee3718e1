"""Stage directions in a line of script: found and removed, so that they are not spoken."""

from __future__ import annotations

import re

from generation.text.rules.tables import words

_BRACKETS = re.compile(
    r"\[([^\[\]]{1,200})\]|(?<![\w*])\*(?!\s)([^*\n]{1,100}?)(?<!\s)\*(?![\w*])|\(([^()]{1,100})\)|<(/?[A-Za-z][^<>]{0,80})>"
)
_WORD = re.compile(r"[A-Za-z]+(?:['’.-][A-Za-z]+)*")


def is_direction(text: str) -> bool:
    """Whether the text holds words of the direction list only, at least one that is an act by itself."""
    found = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    heads, fillers = words("directions"), words("direction_fillers")
    if not found or re.search(r"\d", text):
        return False
    return any(word in heads for word in found) and all(word in heads or word in fillers for word in found)


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
    """The text without its directions, and the directions in order.

    A direction is ``[...]``, or ``*...*`` or ``(...)`` with words of the direction list only; ``(...)`` stands at the
    start or end of a sentence, elsewhere it is spoken. Marks of markup such as ``<i>`` are left out as well.
    """
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        bracket, star, round_, tag = match.groups()
        if round_ is not None:
            before, after = text[: match.start()].rstrip()[-1:], text[match.end() :].lstrip()[:2]
            edge = not before or before in '.!?…:"”)]*' or not after or after[0] in '.!?…"”'
            if not (edge and is_direction(round_)):
                return match[0]
        elif star is not None and not _acts(star):
            return star
        elif bracket is not None and not _WORD.search(bracket):
            return match[0]
        found.append(next(part for part in match.groups() if part is not None).strip())
        return " "

    left = _BRACKETS.sub(take, text)
    if found:
        left = re.sub(r"(?<! ) {1,}(?=[.,!?;:])", "", re.sub(r"(?<!\s)\s{2,}", " ", left)).strip()
        left = re.sub(r"^[,;:.]\s?", "", left)
    return left, tuple(found)
