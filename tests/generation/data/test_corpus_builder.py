"""Building the speech corpus: splits, recipes, styles, what is rejected, resuming, and the teacher's inner tensor."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpora import TEXTS

from generation.core.clock import SAMPLE_RATE
from generation.data.corpus_builder import (
    MORE_VOICES,
    TRAINING_VOICES,
    CorpusBuilder,
    Splits,
    draw_recipe,
    fault,
    read_manifest,
    tidy_texts,
)
from generation.data.joint_dataset import HELD_OUT_VOICES
from generation.data.kokoro import (
    LENGTHS_TENSOR,
    LengthTeacher,
    SpeechTeacher,
    TeacherSpeech,
    expose_tensor,
    mix_styles,
)
from generation.text.phonemizer import SYMBOLS


def _speech(durations: list[int], amplitude: float = 0.3) -> TeacherSpeech:
    n = sum(durations) * 600
    return TeacherSpeech(np.float32(amplitude) * np.sin(np.arange(n, dtype=np.float32) * 0.05), np.array(durations))


class _Hum:
    """A teacher that hums three units a symbol."""

    def __init__(self, amplitude: float = 0.3) -> None:
        self.amplitude, self.spoken = amplitude, 0

    def speak(self, phonemes: str, voices: Mapping[str, float], speed: float) -> TeacherSpeech:
        self.spoken += 1
        return _speech([3] * (len(phonemes) + 2), self.amplitude)


def test_known_sentences_keep_their_split_and_new_ones_have_a_stable_one() -> None:
    rows = [{"text": "We met at noon. It rained all day.", "split": "dev"}, {"text": "It was late!", "split": "test"}]
    splits = Splits(rows)
    assert splits.of("it was  late.") == "test"
    assert splits.of("It rained all day!") == "dev", "a sentence that a held-out text contains"
    assert splits.of("It rained all day. It was late.") is None
    found = Counter(splits.of(text) for text in TEXTS)
    assert found["train"] > 330 and found["dev"] and found["test"]
    assert [Splits().of(t) for t in TEXTS] == [splits.of(t.upper().replace(".", "!")) for t in TEXTS]


def test_a_sentence_is_in_one_split_whatever_it_stands_beside() -> None:
    splits = Splits()
    pairs = [f"{a} {b}" for a, b in zip(TEXTS, TEXTS[1:])]
    where = {pair: splits.of(pair) for pair in pairs}
    assert None in where.values()
    for (a, b), split in zip(zip(TEXTS, TEXTS[1:]), where.values()):
        assert split is None or {splits.of(a), splits.of(b)} == {split}


def test_texts_end_with_a_mark_and_come_once() -> None:
    assert tidy_texts(["  He  says: ", "", "--", "He says.", "Really?"]) == ["He says.", "Really?"]


def test_recipes_depend_on_seed_and_number_only_and_say_every_text_once_a_turn() -> None:
    recipes = [draw_recipe(3, index, TEXTS) for index in range(1000)]
    assert recipes[700] == draw_recipe(3, 700, TEXTS) != draw_recipe(4, 700, TEXTS)
    assert sorted(r.text for r in recipes[400:800]) == TEXTS
    assert [r.text for r in recipes[:400]] != [r.text for r in recipes[400:800]]
    assert len({r.id for r in recipes}) == 1000
    blends = [r for r in recipes if len(r.voices) == 2]
    held_out = [r for r in recipes if set(r.voices) & set(HELD_OUT_VOICES)]
    assert 150 < len(blends) < 250 and 15 < len(held_out) < 50
    assert all(len(r.voices) == 1 for r in held_out), "voices kept for tests are in no blend"
    assert {v for r in recipes for v in r.voices} == {*TRAINING_VOICES, *MORE_VOICES, *HELD_OUT_VOICES}
    assert all(sum(r.voices.values()) == pytest.approx(1) and 0.85 <= r.speed <= 1.2 for r in recipes)
    assert all((r.lang == "en-gb") == next(iter(r.voices)).startswith("b") for r in recipes)


def test_styles_are_mixed_by_weight_in_the_row_of_the_length() -> None:
    tables = {"a": np.arange(8, dtype=np.float32).reshape(4, 2), "b": np.ones((4, 2), np.float32)}
    assert mix_styles(tables, {"a": 0.25, "b": 0.75}, 3).tolist() == [1.75, 2.0]
    with pytest.raises(ValueError, match="1 to 4"):
        mix_styles(tables, {"a": 1.0}, 5)
    with pytest.raises(ValueError, match="no voice c"):
        mix_styles(tables, {"c": 1.0}, 3)


def test_faulty_speech_is_named() -> None:
    good = _speech([5, 2, 3])
    assert fault(good) is None
    assert "do not fit" in fault(TeacherSpeech(good.waveform[:-1], good.durations))
    assert fault(TeacherSpeech(good.waveform * np.nan, good.durations)) == "not finite"
    assert "without duration" in fault(_speech([5, 0, 3]))
    assert fault(_speech([5, 2, 3], amplitude=0.01)) == "silent"


def test_builds_stops_and_goes_on_in_the_format_of_the_corpus(tmp_path: Path) -> None:
    teacher = _Hum(amplitude=1.5)
    builder = CorpusBuilder(tmp_path, teacher, TEXTS, Splits(), seed=1)
    builder.build(hours=1, workers=2, stopped=lambda: teacher.spoken >= 4)
    first = read_manifest(builder.manifest)
    assert 4 <= len(first) <= 6
    row = first[0]
    keys = ["id", "text", "lang", "voices", "speed", "accent", "phonemes", "durations", "samples", "split"]
    assert list(row) == keys
    assert len(row["durations"]) == len(row["phonemes"]) + 2 and sum(row["durations"]) * 600 == row["samples"]
    sound, rate = soundfile.read(tmp_path / "audio" / f"{row['id']}.opus")
    assert (len(sound), rate) == (row["samples"], SAMPLE_RATE)

    with builder.manifest.open("a") as manifest:
        manifest.write('{"id": "s1-0000')  # what a killed run leaves
    seconds = sum(r["samples"] for r in first) / SAMPLE_RATE
    again = CorpusBuilder(tmp_path, _Hum(), TEXTS, Splits(), seed=1)
    again.build(hours=(seconds + 5) / 3600, workers=1, stopped=lambda: False)
    rows = [json.loads(line) for line in builder.manifest.read_text().splitlines()]
    assert rows[: len(first)] == first and len(rows) > len(first)
    assert len({r["id"] for r in rows}) == len(rows) == len(list((tmp_path / "audio").iterdir()))
    assert sum(r["samples"] for r in rows[:-1]) / SAMPLE_RATE < seconds + 5


def test_rejected_utterances_are_counted_and_leave_no_file(tmp_path: Path) -> None:
    teacher = _Hum(amplitude=0.001)
    builder = CorpusBuilder(tmp_path, teacher, [*TEXTS[:5], "No."], Splits())
    builder.build(hours=1, workers=1, stopped=lambda: teacher.spoken >= 6)
    assert builder.counts["silent"] == 6 and "accepted" not in builder.counts
    assert builder.counts["too short, too long or unreadable"] >= 1
    assert not list((tmp_path / "audio").iterdir()) and not read_manifest(builder.manifest)
    with pytest.raises(ValueError, match="give other sentences"):
        CorpusBuilder(tmp_path, teacher, ["No.", "…"], Splits()).build(1, 1, lambda: False)


def test_the_teachers_inner_durations_come_out(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto
    shape = helper.make_tensor("ones", kind.INT64, [1], [600])
    nodes = [
        helper.make_node("Cast", ["tokens"], ["inner"], to=kind.FLOAT),
        helper.make_node("Div", ["inner", "speed"], [LENGTHS_TENSOR]),
        helper.make_node("ReduceSum", ["inner"], ["total"], keepdims=0),
        helper.make_node("Expand", ["total", "ones"], ["loud"]),
        helper.make_node("Mul", ["loud", "speed"], ["faster"]),
        helper.make_node("ReduceSum", ["style"], ["tone"], keepdims=0),
        helper.make_node("Mul", ["faster", "tone"], ["audio"]),
    ]
    inputs = [("tokens", kind.INT64, [1, "n"]), ("style", kind.FLOAT, [1, 2]), ("speed", kind.FLOAT, [1])]
    values = [helper.make_tensor_value_info(*value) for value in [*inputs, ("audio", kind.FLOAT, ["s"])]]
    graph = helper.make_graph(nodes, "tiny", values[:-1], values[-1:], [shape])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(network, tmp_path / "plain.onnx")
    with pytest.raises(ValueError, match="no tensor /else"):
        expose_tensor(tmp_path / "plain.onnx", tmp_path / "model.onnx", "/else")

    expose_tensor(tmp_path / "plain.onnx", tmp_path / "model.onnx", "inner")
    np.savez(tmp_path / "voices.npz", a=np.full((4, 2), 0.5, np.float32), b=np.full((4, 2), 1.5, np.float32))
    (tmp_path / "vocabulary.json").write_text(json.dumps({s: i for i, s in enumerate(SYMBOLS, start=1)}))
    speech = SpeechTeacher(tmp_path).speak("aab", {"a": 0.5, "b": 0.5}, speed=0.5)
    ids = [SYMBOLS.index(s) + 1 for s in "aab"]
    assert speech.durations.tolist() == [0, *ids, 0]
    assert speech.waveform == pytest.approx(np.full(600, sum(ids) * 0.5 * 2))
    lengths = LengthTeacher(tmp_path).lengths("aab", {"a": 1.0})
    assert lengths.tolist() == [0, *ids, 0] and (tmp_path / "lengths.onnx").stat().st_size < len(
        network.SerializeToString()
    )
    assert LengthTeacher(tmp_path).lengths("b", {"b": 1.0}).tolist() == [0, ids[-1], 0], "the part that was cut out"
