"""``parley cache``: what is kept is counted and cleared, and nothing else is touched."""

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
    assert cli.main(["cache", str(tmp_path), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(item["results"], item["segments"], item["bytes"]) for item in told] == [
        ("speech and motion", 1, 1000),
        ("frames", 1, 1000),
        ("preview frames", 1, 1000),
    ]
    assert all(path.is_file() for path in ours.values()), "to look deletes nothing"
    assert cli.main(["cache", str(tmp_path), "--clear"]) == 0
    assert all("1 segments" in line and "deleted" in line for line in capsys.readouterr().out.splitlines())
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"own.npz", "own.mp4"} and not list(tmp_path.rglob(".parley-*.tmp"))
    assert sum(kept.size for kept in kept_results(tmp_path)) == 0


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cache", str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().err.startswith("There is no folder ")
