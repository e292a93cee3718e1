"""Figures of languages: words counted by our reading rules, goals beside the teacher, tables, and the listener."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.evaluation.languages import goals, markdown, word_figures
from scripts.evaluation.table import BEGIN, END, write_table
from scripts.evaluation.whisper_base import MultilingualListener, plain_words


@pytest.mark.parametrize(
    ("code", "text", "heard"),
    [
        ("es", "¡Tengo 21 años!", "tengo veintiún años"), ("fr", "Ma sœur a 2 chats.", "Ma soeur a deux chats"),
        ("it", "Sono le 9.", "sono le nove"), ("pt", "É a 2ª vez.", "É a segunda vez!"),
    ],
)  # fmt: skip
def test_figures_case_and_signs_make_no_errors(code: str, text: str, heard: str) -> None:
    assert plain_words(text, code) == plain_words(heard, code)
    assert word_figures([text], [heard], code)["wer"] == 0


def test_word_errors_count_what_is_missing_added_and_other() -> None:
    found = word_figures(["uno dos tres", "hola"], ["uno tres", "ola que"], "es")
    assert found["wer"] == pytest.approx(3 / 4) and found["wer_low"] <= found["wer"] <= found["wer_high"]


def test_goals_follow_the_teacher() -> None:
    asked = goals({"teacher_wer": 0.02, "teacher_p808": 3.9})
    assert asked["wer"] == pytest.approx(0.05) and asked["p808"] == pytest.approx(3.65)
    assert goals({"teacher_wer": 0.2, "teacher_p808": 3.9})["wer"] == pytest.approx(0.3)


def test_a_table_for_each_language_goes_into_the_document(tmp_path: Path) -> None:
    figures = {"es": {"teacher_wer": 0.1, "teacher_p808": 3.9, "wer": 0.12, "wer_low": 0.1, "wer_high": 0.14}, "fr": {}}
    path = tmp_path / "quality.md"
    path.write_text(f"{BEGIN}\n{END}\nmore\n", encoding="utf-8")
    about = {"sentences": 1, "seeds": 1, "weights": "", "steps": 16}
    write_table(path, {"ours": {}}, about, markdown(figures))
    written = path.read_text(encoding="utf-8")
    assert "### Spanish\n| | goal | ours | teacher |" in written and "French" not in written
    assert "| word errors | <= 15.0 % | 12.0 % (10.0 - 14.0) | 10.0 % |" in written
    assert "| DNSMOS p808 | >= 3.65 |  | 3.90 |" in written and written.endswith(f"{END}\nmore\n")


def test_what_was_heard_is_kept_by_sound_and_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener, asked = MultilingualListener(tmp_path), []
    monkeypatch.setattr(listener, "_transcribe", lambda sound, code: asked.append(code) or f"in {code}")
    sound = np.zeros(100, np.float32)
    assert [listener.text(sound, code) for code in ("es", "fr", "es")] == ["in es", "in fr", "in es"]
    assert asked == ["es", "fr"]
