"""The clip of two drawn people, written and looked at once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import write_clip

from studio.cast.clip_people import SceneClip, look_at_clip


@pytest.fixture(scope="session")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "two.mkv")


@pytest.fixture(scope="session")
def people_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(people_kept: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is found in videos is kept for these tests, and nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(people_kept))
    yield


@pytest.fixture
def clip(clip_path: Path) -> SceneClip:
    return look_at_clip(clip_path)
