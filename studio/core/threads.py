"""Passive waiting of idle threads in numerical libraries."""

from __future__ import annotations

import os


def wait_passively() -> None:
    """Let OpenMP threads sleep while they wait; to be called before torch is loaded.

    Threads that spin take ten times as long when other processes want a core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
