"""What was uploaded is released once its window is gone for good, and never before."""

from __future__ import annotations

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from studio.server.uploads import UploadSweeper


class Windows:
    """Streamlit's runtime, as far as the sweeper knows it."""

    def __init__(self) -> None:
        self.uploaded_file_mgr, self.open = MemoryUploadedFileManager("/upload"), {"a", "b"}
        for session in "ab":
            self.uploaded_file_mgr.add_file(session, UploadedFileRec("file", "x.wav", "audio/wav", bytes(10)))

    def is_active_session(self, session: str) -> bool:
        return session in self.open

    def kept(self) -> set[str]:
        return {session for session in "ab" if self.uploaded_file_mgr.get_files(session, ["file"])}


def test_uploads_of_a_closed_window_are_released_after_the_patience() -> None:
    windows = Windows()
    sweeper = UploadSweeper(windows, patience=120)
    sweeper.sweep(0.0)
    windows.open = {"a"}
    sweeper.sweep(1000.0)
    sweeper.sweep(1119.0)
    assert windows.kept() == {"a", "b"}
    sweeper.sweep(1120.0)
    sweeper.sweep(1150.0)
    assert windows.kept() == {"a"}


def test_a_window_that_comes_back_keeps_its_uploads() -> None:
    windows = Windows()
    sweeper = UploadSweeper(windows, patience=120)
    for now, there in ((0.0, {"a"}), (100.0, {"a", "b"}), (130.0, {"a"}), (240.0, {"a"})):
        windows.open = there
        sweeper.sweep(now)
    assert windows.kept() == {"a", "b"}
