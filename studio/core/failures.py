"""Why a job failed, as data: the scene's own fault, the disk, the memory, or a crash, and a sentence about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.core.problems import (
    DocumentError,
    Problem,
    UnexpectedProblem,
    disk_is_full,
    memory_is_short,
    told,
    unexpected,
)
from studio.core.storage import StorageError

Kind = Literal["fault", "disk", "memory", "crash"]


@dataclass(frozen=True)
class Failure:
    """Why a job failed.

    Attributes:
        kind: ``fault`` fails again whenever it is tried; the others may pass.
        sentence: for a reader.
        problems: every fault of a document.
    """

    kind: Kind
    sentence: str
    problems: tuple[Problem, ...] = ()


def failure_of(error: Exception) -> Failure:
    """What an exception means for the job that it ended."""
    if isinstance(error, DocumentError):
        return _failure_of_document(error)
    kind: Kind = "fault" if isinstance(error, ValueError) else "crash"
    kind = "memory" if memory_is_short(error) else "disk" if disk_is_full(error) else kind
    if isinstance(error, OSError) and error.errno and not isinstance(error, StorageError):
        return Failure(kind, str(unexpected(error, "the job")))
    return Failure(kind, str(told(error, "the job")[0]))


def _failure_of_document(error: DocumentError) -> Failure:
    """The document's fault, unless all that was found is no fault of it."""
    kinds: list[Kind] = [p.kind if isinstance(p, UnexpectedProblem) else "fault" for p in error.problems]
    kind: Kind = "fault" if "fault" in kinds or not kinds else kinds[0]
    return Failure(kind, error.problems[0].sentence if error.problems else str(error), error.problems)
