"""Releases the uploaded files of closed editor windows, which Streamlit would keep until the server ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Protocol, cast

SWEEP = 30.0
"""Seconds between two looks for uploads of closed windows."""


class _Uploads(Protocol):
    file_storage: dict[str, Any]

    def remove_session_files(self, session_id: str) -> None: ...


class _Runtime(Protocol):
    uploaded_file_mgr: _Uploads

    def is_active_session(self, session_id: str) -> bool: ...


class UploadSweeper:
    """Removes the uploads of sessions that have been away for longer than a browser may come back to them.

    Streamlit leaves that to the garbage collection of its session, which may never come.

    Args:
        runtime: Streamlit's runtime.
        patience: seconds for which a session without connection keeps its uploads.
    """

    def __init__(self, runtime: _Runtime, patience: float) -> None:
        self.runtime, self.patience = runtime, patience
        self._away: dict[str, float] = {}

    def sweep(self, now: float) -> None:
        """Look once; ``now`` in seconds of a clock that never goes back."""
        uploads = self.runtime.uploaded_file_mgr
        closed = [s for s in list(uploads.file_storage) if not self.runtime.is_active_session(s)]
        self._away = {session: self._away.get(session, now) for session in closed}
        for session, since in self._away.items():
            if now - since >= self.patience:
                uploads.remove_session_files(session)


@asynccontextmanager
async def released_uploads(_app: object) -> AsyncIterator[None]:
    """Sweep as long as the server runs; a lifespan of Streamlit's ASGI application."""
    from streamlit import config
    from streamlit.runtime import Runtime

    runtime = cast(_Runtime, Runtime.instance())  # its manager is the one in memory, whose files are open to it
    sweeper = UploadSweeper(runtime, config.get_option("server.disconnectedSessionTTL"))

    async def sweeping() -> None:
        while True:
            await asyncio.sleep(SWEEP)
            sweeper.sweep(monotonic())

    task = asyncio.create_task(sweeping())
    try:
        yield
    finally:
        task.cancel()
