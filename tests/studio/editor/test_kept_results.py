"""Kept segments are counted and cleared as the kind ``cache`` of storage, and nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio import cli
from studio.editor.kept_results import kept_results
from studio.production.frame_cache import FRAME_FOLDER, PREVIEW_FOLDER


def fill(work: Path) -> dict[str, Path]:
    """One segment of each kind of 1,000 bytes, what an ended process left, and files that are not ours."""
    frames = work / FRAME_FOLDER
    (frames / PREVIEW_FOLDER).mkdir(parents=True)
    (frames / ".parley-x.tmp").mkdir()
    (frames / ".parley-x.tmp" / "lock").touch()  # nobody holds it
    key = "0123456789abcdef" * 2
    previews = frames / PREVIEW_FOLDER / f"{key}.mp4"
    ours = {"speech": work / f"{key}.npz", "frames": frames / f"{key}.mp4", "previews": previews}
    for path in (*ours.values(), work / "own.npz", frames / "own.mp4"):
        path.write_bytes(bytes(1000))
    return ours


@pytest.mark.parametrize("place", [".", ".parley", "work", "Project/work"])
def test_what_is_kept_is_shown_and_cleared(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = fill(tmp_path / place)
    assert cli.main(["storage", str(tmp_path), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(item["kind"], item["files"], item["bytes"]) for item in told if item["files"]] == [("cache", 3, 3000)]
    assert all(path.is_file() for path in ours.values()), "to look deletes nothing"
    assert cli.main(["storage", str(tmp_path), "--clear", "cache"]) == 0
    assert "deleted" in capsys.readouterr().out
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"own.npz", "own.mp4"} and not list(tmp_path.rglob(".parley-*.tmp"))
    assert kept_results(tmp_path) == []


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["storage", str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().err.startswith("There is no folder ")
