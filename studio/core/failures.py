"""Why a job failed, as data: the scene's own fault, the disk, the memory, or a crash, and a sentence about it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from studio.core.problems import DocumentError, Problem, UnexpectedProblem, told
from studio.core.storage import StorageError, storage_sentence

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
    text = str(error)
    if isinstance(error, DocumentError):
        return _failure_of_document(error)
    if isinstance(error, MemoryError) or "not enough memory" in text or "out of memory" in text:
        sentence = "The memory does not suffice; close other programs, or choose a smaller size or a draft."
        return Failure("memory", sentence)
    full = (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "disk is full" in text
    if isinstance(error, OSError) and error.errno and not isinstance(error, StorageError):
        return Failure("disk" if full else "crash", storage_sentence(error))
    kind: Kind = "disk" if full else "fault" if isinstance(error, ValueError) else "crash"
    if isinstance(error, StorageError):
        return Failure(kind, error.strerror or text)
    return Failure(kind, str(told(error, "the job")[0]))


def _failure_of_document(error: DocumentError) -> Failure:
    """The document's fault, unless all that was found is no fault of it."""
    kinds: list[Kind] = [p.kind if isinstance(p, UnexpectedProblem) else "fault" for p in error.problems]
    kind: Kind = "fault" if "fault" in kinds or not kinds else kinds[0]
    return Failure(kind, error.problems[0].sentence if error.problems else str(error), error.problems)
