"""Problems of a scene or a job as data: where, in which part, what is wrong, and the repair."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from studio.core.messages import visible

Location = tuple[int | str, ...]
"""Keys and indices on the way to an item of a document."""
_CODE = Path(__file__).resolve().parents[2]
Part = Literal["picture", "permission", "cast", "voices", "script", "output", "file"]


@dataclass(frozen=True)
class Problem:
    """A problem or a warning.

    Attributes:
        part: the part of the work that it belongs to.
        what: a clause that says what is wrong, without the place; its first letter is small unless it is a name's.
        repair: a clause or question that says what to do; empty where ``what`` says it.
        where: the item of the document.
        file: name of the document's file; empty without one.
        line: line of the file, from 1, where it is known.
        box: where in the picture it is: left, top, right, bottom in pixels of the picture's file; None without a place.
    """

    part: Part
    what: str
    repair: str = ""
    where: Location = ()
    file: str = ""
    line: int | None = None
    box: tuple[int, int, int, int] | None = None

    @property
    def sentence(self) -> str:
        """What and repair as a sentence for pages, which show no file."""
        clause = self._clause()
        return clause[:1].upper() + clause[1:]

    def __str__(self) -> str:
        """The sentence behind its place in the file, for the command line."""
        if not self.file:
            return self.sentence
        return f"{self.file}{f' line {self.line}' if self.line else ''}: {self._clause()}"

    def _clause(self) -> str:
        clause = visible(f"{self.what}; {self.repair}" if self.repair else self.what)
        return clause if clause.endswith((".", "?", "!")) else f"{clause}."

    def as_data(self) -> dict[str, Any]:
        """Plain data, as ``--json`` prints it."""
        return {**asdict(self), "where": list(self.where)}

    @staticmethod
    def of_data(data: Mapping[str, Any]) -> Problem:
        """The problem that :meth:`as_data` made plain, also after a way through JSON."""
        facts = {**data, "where": tuple(data["where"]), "box": tuple(data["box"]) if data.get("box") else None}
        return UnexpectedProblem(**facts) if "kind" in facts else Problem(**facts)


@dataclass(frozen=True)
class UnexpectedProblem(Problem):
    """A problem that is no fault of the document, so that another try may pass.

    Attributes:
        kind: what failed in its place: the program, the disk or the memory.
    """

    kind: Literal["crash", "disk", "memory"] = "crash"


class DocumentError(ValueError):
    """A document or an order that cannot be used; ``problems`` holds every fault."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def sentence(self) -> str:
        """The first faults for a page."""
        return " ".join(problem.sentence for problem in self.problems[:3])


def as_clause(error: ValueError | str) -> str:
    """What another package refuses in a sentence, as a clause: an article at its beginning loses its capital."""
    text = str(error)
    return text[0].lower() + text[1:] if text.startswith(("The ", "A ", "An ")) else text


def told(error: Exception, doing: str = "the command") -> list[Problem | str]:
    """An error as sentences for the user: those that our code raised, else that ``doing`` failed, and where."""
    if isinstance(error, DocumentError):
        return list(error.problems)
    frames = traceback.extract_tb(error.__traceback__)
    ours = (
        frames and Path(frames[-1].filename).is_relative_to(_CODE) and (frames[-1].line or "raise").startswith("raise")
    )
    if ours and isinstance(error, OSError) and error.errno and error.strerror:
        return [error.strerror]
    sentences = str(error).splitlines()
    if ours and sentences and isinstance(error, ValueError | OSError | RuntimeError):
        return list(sentences)
    return [unexpected(error, doing)]


def disk_is_full(error: Exception) -> bool:
    """Whether an error, also one that an encoder was told, says that the disk is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)


def memory_is_short(error: Exception) -> bool:
    """Whether an error, also one of torch, says that the memory does not suffice."""
    told = str(error)
    return isinstance(error, MemoryError) or "not enough memory" in told or "out of memory" in told


def disk_clause(error: OSError) -> str:
    """What an error of the disk means to the person at the keyboard, as a clause with its repair."""
    if disk_is_full(error):
        return "the disk is full; free some space and try again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the place may not be read or written; change its permissions or choose another"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is too long; choose a shorter one"
    return f"the disk refuses ({error.strerror or type(error).__name__}); check it and try again"


def unexpected(error: Exception, doing: str) -> UnexpectedProblem:
    """What is said of an error that nobody foresaw: what was being done, and where in the program, to be reported.

    Args:
        error: caught where it would have become a traceback.
        doing: what failed, such as ``"reading the picture"``.
    """
    if memory_is_short(error):
        what = f"{doing} needs more memory than there is"
        repair = "close other programs, or choose a smaller size or a draft"
        return UnexpectedProblem("file", what, repair, kind="memory")
    if isinstance(error, OSError) and error.errno:
        name = f" on {Path(str(error.filename)).name[:100]!r}" if error.filename else ""
        what = f"{doing} failed{name}: {disk_clause(error)}"
        return UnexpectedProblem("file", what, kind="disk" if disk_is_full(error) else "crash")
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    what = f"{doing} failed by a fault of the program ({type(error).__name__}{at})"
    return UnexpectedProblem("file", what, "please report it with the file that shows it")
