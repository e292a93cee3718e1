"""What scripts of all formats share: names of speakers, brackets after them, scene headings, transitions, notes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from generation.text.directions import is_direction
from studio.scene.schema import TOGETHER
from studio.scene.screenplay import OPTIONS, parse_head

LONGEST_NAME = 60
_LONGEST_DIRECTION = 200
_HEADING = re.compile(r"(?i)(?:INT|EXT|EST|I/E|INT\.?/EXT|EXT\.?/INT)[. ]")
_TRANSITION = re.compile(r"(?:[A-Z][A-Z' -]{0,40} TO|FADE (?:IN|OUT)|FADE TO BLACK|BLACKOUT|CURTAIN|THE END)[.:]?")
_CONTINUED = re.compile(r"(?i)(?:cont(?:inued|inuing|['’]?d)?|more)\.?")
_OFF_SCREEN = re.compile(r"(?i)(?:v\.?\s?o|o\.?\s?s|o\.?\s?c|off|voice[- ]?over|off[- ]?screen|on (?:the )?phone)\.?")


@dataclass
class Line:
    """One line of a script while it is read: who, the parts of its text, what is noted before it, and options.

    ``dual`` is said at the same time as the line above it.
    """

    who: str
    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    dual: bool = False

    def fields(self) -> dict[str, str]:
        """The keys of :class:`studio.scene.schema.ScriptLine`, values as written."""
        noted = {"note": "\n".join(self.notes)} if self.notes else {}
        return {"who": self.who, **self.options, **noted, "text": " ".join(" ".join(self.parts).split())}


@dataclass(frozen=True)
class Cue:
    """The head of a line: who speaks, options for the line, and what its brackets hold besides."""

    who: str
    options: dict[str, str]
    directions: list[str]
    notes: list[str]


def is_heading(line: str) -> bool:
    """Whether a line tells place and time of a scene: ``INT. KITCHEN - DAY``."""
    return _HEADING.match(line) is not None


def is_transition(line: str) -> bool:
    """Whether a line tells how the film goes on: ``CUT TO:``."""
    return len(line) < 60 and _TRANSITION.fullmatch(line) is not None


def in_brackets(line: str) -> bool:
    """Whether a whole line stands in round or square brackets."""
    return len(line) > 2 and (line[0], line[-1]) in (("(", ")"), ("[", "]"))


def direction(text: str, notes: list[str]) -> str:
    """A direction as lines of our scripts hold it, ``[whispering]``; one that is too long becomes a note."""
    inner = " ".join(text.strip().strip("()[]").replace("[", "(").replace("]", ")").split())
    if len(inner) > _LONGEST_DIRECTION:
        notes.append(inner)
        return ""
    return f"[{inner}]" if inner else ""


def read_cue(head: str) -> Cue:
    """A speaker's name with the brackets after it: ``ANNA (V.O.) (CONT'D)``, ``ANNA (pause 0.5)``, ``ANNA (softly)``.

    Raises:
        ValueError: options that are not understood; a clause.
    """
    name, *brackets = head.split("(")
    cue = Cue(" ".join(name.split()), {}, [], [])
    for bracket in brackets:
        inner = bracket.rsplit(")", 1)[0].strip() if ")" in bracket else bracket.strip()
        if not inner or _CONTINUED.fullmatch(inner):
            continue
        if inner.split()[0] in OPTIONS or re.search(r"[a-z]+ \d", inner):
            cue.options.update({k: v for k, v in parse_head(f"x ({inner})").items() if k != "who"})
        elif is_direction(inner) and not _OFF_SCREEN.fullmatch(inner):
            cue.directions.append(inner)
        elif not _OFF_SCREEN.fullmatch(inner) and inner[0].islower():
            cue.directions.append(inner)
        else:
            cue.notes.append(f"{cue.who}: {inner}")
    return cue


def could_be_name(text: str) -> bool:
    """Whether a text could be somebody's name: short, begins like one, and no sentence."""
    return (
        0 < len(text) <= LONGEST_NAME
        and (text[0].isupper() or text[0].isdigit() or not text[0].isascii())
        and any(c.isalpha() for c in text)
        and text[-1] not in "!?,;:–-"
        and "--" not in text
        and ":" not in text
        and len(text.split()) <= 5
    )


def in_capitals(text: str) -> bool:
    """Whether a text has capitals and no small letters, what brackets hold aside."""
    bare = text.split("(")[0]
    return bare.upper() == bare and any(c.isupper() for c in bare)


def shared(who: str, known: Iterable[str]) -> str:
    """``ANNA & BOB`` as the names of two, where both are known alone; any other name as it is."""
    names = {name.casefold() for name in known}
    parts = [part.strip() for part in re.split(r"\s*(?:&|/|\+|,|\band\b|\bAND\b)\s*", who)]
    together = len(parts) > 1 and all(part.casefold() in names for part in parts)
    return TOGETHER.join(dict.fromkeys(parts)) if together else who
