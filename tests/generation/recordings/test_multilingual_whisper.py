"""Recordings to English: what the network is asked, what it is told not to make up, and its installation by hashes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from generation.recordings import multilingual_whisper
from generation.recordings.multilingual_whisper import LOCK, PACKAGES, Translation, put_together, translate

SECOND = np.zeros(24_000, np.float32)


class Network:
    """Stands for Whisper: says a word for each task; what is silent it says with little trust."""

    supported_languages = ("en", "es")

    def __init__(self, language: str, silence: float = 0.1) -> None:
        self.language, self.silence, self.asked = language, silence, []

    def transcribe(
        self, sound: np.ndarray, language: str | None, task: str, **_: object
    ) -> tuple[Iterator[SimpleNamespace], SimpleNamespace]:
        self.asked.append((len(sound), language, task))
        text = {"transcribe": " Hola. ", "translate": " Hello. "}[task]
        parts = [SimpleNamespace(text=text, no_speech_prob=self.silence), SimpleNamespace(text="...", no_speech_prob=0)]
        return iter(parts), SimpleNamespace(language=language or self.language)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network("es")
    monkeypatch.setattr(multilingual_whisper, "whisper_installed", lambda: True)
    monkeypatch.setattr(multilingual_whisper, "_loaded", lambda: made)
    return made


def test_a_recording_is_heard_and_said_in_english(network: Network) -> None:
    assert translate(SECOND) == Translation("es", "Hola.", "Hello.")
    assert network.asked == [(16_000, None, "transcribe"), (16_000, "es", "translate")]


def test_english_is_left_as_it_is(network: Network) -> None:
    assert translate(SECOND, "en").text == "Hola." and [task for *_, task in network.asked] == ["transcribe"]


def test_words_made_up_in_silence_and_unknown_languages_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="'xx', which is not known; give its two letters"):
        translate(SECOND, "xx")
    network.silence = 0.9
    with pytest.raises(ValueError, match="holds no words"):
        translate(SECOND)


def test_without_the_extra_the_repair_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multilingual_whisper, "whisper_installed", lambda: False)
    with pytest.raises(RuntimeError, match="run parley setup --extra translate once"):
        translate(SECOND)


def test_every_package_is_locked_by_version_and_hash() -> None:
    locked = LOCK.read_text(encoding="utf-8")
    names = re.findall(r"^([\w-]+)==[\d.]+ \\\n    --hash=sha256:[0-9a-f]{64}", locked, re.MULTILINE)
    assert {"faster-whisper", "ctranslate2", *(name.replace("_", "-") for name in PACKAGES)} <= set(names)


def test_the_network_is_put_together_of_its_parts_and_no_others(tmp_path: Path) -> None:
    parts = [tmp_path / "one", tmp_path / "two"]
    for number, part in enumerate(parts, 1):
        part.mkdir()
        (part / f"model.bin.part{number}").write_bytes(bytes([number]) * 3)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (parts[0] / name).write_text(name)
    with pytest.raises(RuntimeError, match="not the expected ones"):
        put_together(parts, tmp_path / "wrong")
    whole = b"\x01\x01\x01\x02\x02\x02"
    put_together(parts, tmp_path / "right", hashlib.sha256(whole).hexdigest())
    assert (tmp_path / "right" / "model.bin").read_bytes() == whole and not (tmp_path / "wrong" / "model.bin").exists()
    assert (tmp_path / "right" / "vocabulary.txt").read_text() == "vocabulary.txt"
