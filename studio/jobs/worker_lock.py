"""Lock of the one worker of a projects folder, and the file with the worker's state."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from studio.core.storage import read_json

LOCK, WORKER = ".worker/lock", ".worker/state.json"
"""In the folder of the projects."""


def worker_lock(root: Path) -> FileLock:
    """The lock that the one worker of a folder of projects holds as long as it lives; the system frees it."""
    (root / LOCK).parent.mkdir(parents=True, exist_ok=True)
    return FileLock(root / LOCK)


def worker_alive(root: Path) -> bool:
    """Whether a worker lives."""
    lock = worker_lock(root)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def is_serving(root: Path, token: str) -> bool:
    """Whether the worker of that token is the one that lives."""
    state = read_json(root / WORKER)
    return isinstance(state, dict) and state.get("token") == token and worker_alive(root)
