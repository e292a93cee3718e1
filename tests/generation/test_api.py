"""The public names of the library, and the code of its page in the documentation."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

import generation
from generation.video.frames import video_frames
from generation.video.probe import probe_video

ROOT = Path(__file__).resolve().parents[2]


def test_the_package_alone_is_light_and_lists_its_names() -> None:
    code = (
        "import sys, generation; assert {'JointPipeline', 'SceneRenderer'} < set(dir(generation));"
        "generation.Sampling, generation.MotionTrack;"
        "print([m for m in ('torch', 'cv2', 'diffusers', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_typed() -> None:
    tree = ast.parse(Path(generation.__file__).read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    for name in generation.__all__:
        value = getattr(generation, name)
        assert value.__doc__ and value.__module__ == typed[name]
    assert set(generation.__all__) == set(generation._MODULES)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nobody'"):
        _ = generation.Nobody


def test_the_code_of_the_page_makes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL)
    Image.fromarray(skimage.data.astronaut()[:330, 60:380]).resize((240, 248)).save(tmp_path / "portrait.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "docs/api.md", "exec"), names)
    film = tmp_path / "hello.mp4"
    frames = np.stack(list(video_frames(film, probe_video(film))))
    assert frames.shape == (names["line"].stop + 5, 248, 240, 3)
    difference = np.abs(frames.astype(int) - names["picture"]).mean((1, 2, 3))
    assert difference.max() > difference[0] + 0.3, "somebody moves"
