"""The commands of tutorials and of the page about outputs run as they stand there."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sounds import wav
from tiny import write_tiny_assets

from generation.finetuning.lora_training import Size
from generation.voices.bank import VoiceBank
from studio import cli

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|yaml)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> Iterator[tuple[str, str, str]]:
    """(kind, file name, text) of each runnable block of a document."""
    yield from BLOCK.findall((ROOT / "docs" / document).read_text(encoding="utf-8"))


def run(line: str, folder: Path) -> None:
    """One command line of a tutorial, in process; files are those of the current folder."""
    words = shlex.split(line, comments=True)
    if words[0] == "parley":
        if words[1] in ("say", "render"):
            words += ["--device", "cpu"]
        assert cli.main(words[1:]) == 0, line
    elif words[:2] == ["mkdir", "-p"]:
        (folder / words[2]).mkdir(parents=True, exist_ok=True)
    elif words[0] == "cp":
        sources = [path for word in words[1:-1] for path in folder.glob(word)]
        assert sources, line
        for source in sources:
            shutil.copy(source, folder / words[-1])
    else:
        assert words[:2] == ["python", "-m"], f"a tutorial has a command that no test runs: {line}"
        importlib.import_module(words[2]).main(words[3:])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the assets in it, as a checkout has them."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_first_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the shipped weights; the film itself is slow and replaced by the draft's size."""
    for kind, name, text in blocks("tutorials/first-video.md"):
        if kind == "yaml":
            (folder / name).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            run(line.replace("--size 720", "--size 120").replace("--draft", "--size 96"), folder)
    assert (folder / "first" / "first.mp4").stat().st_size > 10_000
    assert (folder / "first" / "first.Nora.wav").is_file()
    assert "AI" in capsys.readouterr().out


@pytest.mark.slow
def test_teach_a_style(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With tiny models, three steps of training, one sentence in the report, and a small sample video."""
    bank = VoiceBank.load()
    assets = write_tiny_assets(tmp_path / "tiny", {name: bank[name].language for name in bank.names})
    (assets / "scenes").symlink_to(ROOT / "assets" / "scenes")
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    monkeypatch.setattr("generation.adapters.metadata.assets_root", lambda: assets)
    monkeypatch.setattr("generation.finetuning.clip_reader.UNLIKE", np.inf)  # what tiny models say is noise
    monkeypatch.setattr("generation.finetuning.report.load_whisper", lambda: None)
    size = Size(rank=2, batch=2, n_frames=12, steps=3)
    monkeypatch.setattr(Size, "for_device", lambda device, rank, minutes: replace(size, minutes=minutes))
    monkeypatch.setattr("scripts.finetune_lora.SAMPLE_ROWS", 96)
    (folder / "clips").mkdir()
    for number, name in enumerate(("one", "two", "three", "four")):
        (folder / "clips" / f"{name}.wav").write_bytes(wav(6.0 + 0.2 * number))
        (folder / "clips" / f"{name}.txt").write_text("one two three", encoding="utf-8")
    for _, _, text in blocks("tutorials/teach-a-style.md"):
        for line in text.splitlines():
            run(f"{line} --lines 1" if "--minutes" in line else line, folder)
            trained = folder / "work" / "adapters" / "anna"
            assert not trained.exists() or "--check" not in line, "looking at the clips trains nothing"
    made = {path.name for path in trained.iterdir()}
    assert made >= {"anna.safetensors", "report.json", "report.txt", "sample.mp4"}
    assert any(name.endswith(".wav") for name in made), "sounds before and after"
    assert (folder / "anna.wav").stat().st_size > 10_000
    assert "4 clips of together 24 s can be used." in capsys.readouterr().out


SHORT = """
picture: picture.png
rig: rig.yaml
consent: drawn
cast: [{name: Nora, mask: nora.png, voice: Alice}, {name: Theo, mask: theo.png, voice: Arthur}]
script: [{who: Nora, text: Hm.}]
"""


@pytest.mark.slow
def test_outputs(folder: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tiny models, a shorter scene in place of the tutorial's, and small pictures."""
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    (folder / "first").mkdir()
    for source in (ROOT / "assets" / "scenes" / "cafe").glob("*.*"):
        shutil.copy(source, folder / "first")
    (folder / "first" / "scene.yaml").write_text(SHORT, encoding="utf-8")
    for _, _, text in blocks("outputs.md"):
        for line in text.splitlines():
            run(line.replace("--draft", "--size 96 --steps 1"), folder)
    made = {path.name for path in (folder / "first").iterdir()}
    assert made >= {"lossless.mkv", "lossless.otio", "cut.mov", "cut.webm", "cut.00000.png", "cut.wav", "cut.srt"}
    assert made >= {"first.zip", "project.zip"} and (folder / "projects" / "First" / "scene.yaml").is_file()


@pytest.mark.slow
def test_provenance(folder: Path, assets: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """With tiny models, whose noise takes a mark as well as a voice."""
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    for _, _, text in blocks("provenance.md"):
        for line in text.splitlines():
            run(line, folder)
    assert "whom you trust. The sound holds the mark of this program" in capsys.readouterr().out
