"""What a program of ours sets up first: quiet libraries, output that may be closed, signals that clean up."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from contextlib import suppress
from typing import TextIO

from studio.core.scratch import use_own_temporary_folder

OURS = ("studio", "generation", "masks")
"""Packages whose log messages are meant for the user."""
BROKEN_PIPE = 141
"""Exit status when nobody reads the output any more: what a shell says of a program that SIGPIPE ended."""
_STOPPING = ("SIGTERM", "SIGHUP")
"""Signals that stop a program as Ctrl-C does, so that it cleans up; SIGHUP is a terminal that was closed."""


def prepare_process() -> None:
    """Set this process up; its temporary files lie where the next start finds those of a killed one."""
    sys.stdout, sys.stderr = _open_or_nowhere(sys.stdout), _open_or_nowhere(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that is no Unicode is shown, not raised
            stream.reconfigure(errors="backslashreplace")
    quiet_libraries()
    for name in _STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, signal.default_int_handler)
    use_own_temporary_folder()


def quiet_libraries() -> None:
    """Keep what libraries say to programmers from the user: Python's warnings, and messages of other packages."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.CRITICAL, format="%(message)s", stream=sys.stderr)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.WARNING)


def close_output() -> None:
    """Send what is still to be written nowhere: at the end Python would complain that nobody reads it."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _open_or_nowhere(stream: TextIO | None) -> TextIO:
    """A stream, or one that leads nowhere where it was closed before the start."""
    return stream if stream is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
