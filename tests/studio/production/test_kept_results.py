"""Kept results know the code and weights that made them: in a copied tree, and by what really runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import pytest
import yaml
from skimage.data import astronaut

from generation.core.result_key import PACKAGES, _sources
from studio.performance.models import Models
from studio.performance.performer import MADE_BY
from studio.performance.segment_generation import SegmentGenerator
from studio.production.frame_cache import FrameCache
from studio.production.render import render_scene
from studio.production.settings import RenderSettings

ROOT = Path(__file__).parents[3]
RENDERER = """
import os, sys
import cv2, torch
from generation.core.deferred_imports import load_libraries

load_libraries()
for name in [name for name in sys.modules if name.partition(".")[0] in ("generation", "masks", "studio")]:
    del sys.modules[name]

def render():
    import hashlib, json
    from pathlib import Path
    import soundfile
    from studio.production.observer import RenderObserver
    from studio.production.render import render_scene
    from studio.production.settings import RenderSettings

    class Watch(RenderObserver):
        def spoken(self, performer, timeline, performance, places):
            self.generated = performer.generated

    watch = Watch()
    settings = RenderSettings(steps=1, height=64, device="cpu")
    render_scene(Path("scene.yaml"), Path("film.mp4"), settings, observer=watch)
    stem = hashlib.sha256(soundfile.read("film.VOICE.wav", dtype="int32")[0].tobytes()).hexdigest()
    print(json.dumps([watch.generated, watch.drawn, stem]), flush=True)

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        render()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        break
"""
"""For each line that it reads, a fork that loads the tree's code as it then is, and no library again: renders, and
prints the shares of speech and of frames that were made anew, and the hash of the sound."""


def write_scene(folder: Path, cast: list[dict[str, Any]], script: list[dict[str, Any]]) -> Path:
    cv2.imwrite(str(folder / "one.png"), astronaut()[0:256, 100:356, ::-1])
    scene = {"picture": "one.png", "consent": "drawn", "cast": cast, "script": script}
    (folder / "scene.yaml").write_text(yaml.safe_dump(scene))
    return folder / "scene.yaml"


@pytest.fixture
def render(tmp_path: Path) -> Iterator[Callable[[], tuple[float, float, str]]]:
    """Renders the scene by the code in ``tmp_path``."""
    command = [sys.executable, "-c", RENDERER]
    with (tmp_path / "errors.txt").open("w+") as errors, subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as renderer:  # fmt: skip

        def made() -> tuple[float, float, str]:
            renderer.stdin.write("render\n")
            renderer.stdin.flush()
            said = renderer.stdout.readline()
            assert said, Path(errors.name).read_text()[-2000:]
            return tuple(json.loads(said))

        yield made
        renderer.stdin.close()


def change(path: Path, old: str, new: str) -> None:
    source = path.read_text()
    assert old in source
    path.write_text(source.replace(old, new))


def test_changed_code_makes_its_results_anew_and_no_others(assets: Path, tmp_path: Path, render: Callable) -> None:
    for package in ("generation", "masks", "studio"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(assets, tmp_path / "assets")
    narrator = {"name": "VOICE", "role": "narrator", "voice": "Alice"}
    write_scene(tmp_path, [narrator], [{"who": "VOICE", "text": "One."}])
    generated, drawn, first = render()
    assert (generated, drawn) == (1, 1)
    change(tmp_path / "generation/pipeline/postprocess.py", "from __future__", "# A remark.\nfrom __future__")
    for weights in (tmp_path / "assets").rglob("*.safetensors"):
        weights.touch()
    change(tmp_path / "generation/rendering/compositing.py", "_RINGING = 6", "_RINGING = 7")
    assert render() == (0, 1, first), "what draws makes frames anew; remarks and times of files make no sound"
    change(tmp_path / "generation/rendering/compositing.py", "from __future__", "# A remark.\nfrom __future__")
    change(tmp_path / "studio/views/layout.py", 'hours"', 'h"')
    change(tmp_path / "generation/pipeline/postprocess.py", "_POST_FILTER_GAIN = 0.5", "_POST_FILTER_GAIN = 0.0")
    generated, drawn, sound = render()
    assert (generated, drawn) == (1, 0), "the sound is made anew; pages and remarks draw nothing"
    assert sound != first, "it is that of the code that is there"


def test_all_that_really_runs_is_in_the_key(assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    ran: dict[str, set[str]] = {"speech": set(), "frames": set()}

    def watched(method: Callable[..., Any], what: str) -> Callable[..., Any]:
        def note(frame: FrameType, event: str, argument: object) -> None:
            ran[what].add(str(frame.f_globals.get("__name__")))

        def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            sys.setprofile(note)
            try:
                return method(*args, **kwargs)
            finally:
                sys.setprofile(None)

        return run

    for name in ("generate", "retake"):
        monkeypatch.setattr(SegmentGenerator, name, watched(getattr(SegmentGenerator, name), "speech"))
    monkeypatch.setattr(FrameCache, "_draw", watched(FrameCache._draw, "frames"))
    cast = [{"name": "EILEEN", "voice": "Alice"}, {"name": "VOICE", "role": "narrator", "voice": "Arthur"}]
    script = [
        {"who": "EILEEN", "text": "One two three.", "retakes": [{"start": 0.1, "end": 0.4}]},
        {"who": "VOICE", "text": "Two."},
    ]
    path = write_scene(tmp_path, cast, script)
    settings = RenderSettings(steps=1, height=96, device="cpu")
    render_scene(path, tmp_path / "film.mp4", settings, models=Models.load("cpu"))
    told = {"studio.core.progress", "studio.performance.performer", "studio.production.render", __name__}
    told |= {"studio.production.observer"}  # progress and its listeners change nothing of what is made
    told |= {"studio.timeline.segments", "generation.core.performance"}  # fields of a segment, stored tracks: inputs
    keyed = {
        "speech": set(_sources(MADE_BY)),
        "frames": set(_sources(("studio.production.scene_drawing", "studio.production.frame_cache"))),
    }
    for what, modules in ran.items():
        ours = {name for name in modules if name.partition(".")[0] in PACKAGES}
        assert len(ours) > 8 and ours - keyed[what] <= told, what
