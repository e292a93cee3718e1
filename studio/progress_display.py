"""Shows a command's progress on the terminal, or as lines of JSON."""

from __future__ import annotations

import json
import sys

from studio.core.progress import Status


class ProgressDisplay:
    """Shows a job's progress on stderr, or as lines of JSON on stdout."""

    def __init__(self, as_json: bool) -> None:
        self._json, self._live, self._stage, self._width = as_json, sys.stderr.isatty(), "", 0

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._json and self._live and self._stage:
            sys.stderr.write("\n")

    def show(self, status: Status) -> None:
        """One more status: a line that is written over on a terminal, one line a stage elsewhere."""
        if self._json:
            sys.stdout.write(json.dumps({"event": "progress", **status.as_dict()}) + "\n")
            sys.stdout.flush()
            return
        left = "" if status.remaining is None else f", about {_time(status.remaining)} left"
        note = f" ({status.note})" if status.note else ""
        text = f"{100 * status.fraction:3.0f} %  {status.stage}{note}{left}"
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif status.stage != self._stage:
            sys.stderr.write(text + "\n")
        self._stage = status.stage
        sys.stderr.flush()


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
