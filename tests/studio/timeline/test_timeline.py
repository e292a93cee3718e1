"""Scene to timeline: whole frames, pauses, overlaps, recordings, clashes."""

from __future__ import annotations

import numpy as np
import pytest
from durations import SevenEach

from generation.core.clock import frames_from_seconds
from studio.scene.schema import Scene
from studio.timeline.timeline import LEAD_FRAMES, PAUSE_FRAMES, TAIL_FRAMES, Speaker, Timeline, build_timeline


def timeline(*script: dict, seconds: float = 1.003, **scene: object) -> Timeline:
    cast = [{"name": name} for name in ("ANNA", "BOB", "CARL")]
    document = Scene.model_validate({"picture": "p.png", "cast": cast, "script": script} | scene)
    return build_timeline(
        document, [Speaker(None)] * 3, SevenEach(), lambda name: np.ones(round(24_000 * seconds), np.float32)
    )


def test_lines_end_on_whole_frames_and_follow_each_other() -> None:
    result = timeline({"ANNA": "Hello there."}, {"BOB": "Good morning."})
    first, second = result.lines
    assert sum(first.durations) == 4 * first.n_frames
    assert 0 <= sum(first.durations) - 7 * len(first.phonemes) < 4
    assert first.durations[:-1] == (7,) * (len(first.phonemes) - 1)
    assert first.phonemes[0] == first.phonemes[-1] == " "
    assert (first.start, second.start) == (LEAD_FRAMES, first.stop + PAUSE_FRAMES)
    assert (first.character, second.character) == (0, 1)
    assert result.n_frames == second.stop + TAIL_FRAMES


@pytest.mark.parametrize(("key", "seconds"), [("pause", 0.0), ("pause", 0.53), ("overlap", 0.41), ("start", 3.33)])
def test_times_are_kept_to_the_nearest_frame(key: str, seconds: float) -> None:
    first, second = timeline({"ANNA": "A first line of words."}, {"who": "BOB", "text": "Yes.", key: seconds}).lines
    asked = {"pause": first.stop / 25 + seconds, "overlap": first.stop / 25 - seconds, "start": seconds}[key]
    assert abs(second.start / 25 - asked) <= 0.02 + 1e-9


def test_overlaps_of_three_people_stay_overlaps() -> None:
    lines = timeline(
        {"ANNA": "A long line of quite some words."},
        {"who": "BOB", "text": "Me too.", "overlap": 0.8},
        {"who": "CARL", "text": "And me.", "overlap": 0.2},
    ).lines
    assert lines[0].start < lines[1].start < lines[0].stop
    assert lines[1].start < lines[2].start < lines[1].stop


def test_speed_shortens_a_line() -> None:
    slow, fast = (timeline({"who": "ANNA", "text": "The same words.", "speed": s}).lines[0] for s in (1.0, 2.0))
    assert fast.n_frames < 0.65 * slow.n_frames


def test_recording_is_padded_to_a_frame_and_kept() -> None:
    line = timeline({"who": "ANNA", "recording": "a.wav", "text": "What one reads."}).lines[0]
    assert line.n_frames == 26
    assert len(line.recording) == 26 * 960
    assert line.recording[:24_072].all() and not line.recording[24_072:].any()
    assert sum(line.durations) == 4 * 26


def test_pronunciations_are_used_and_hidden_from_readers() -> None:
    result = timeline({"ANNA": "Dear {Siobhan|ʃɪvˈɔːn}, see Loughor."}, lexicon={"Loughor": "lˈʌxɚ"})
    assert "ʃɪvˈɔːn" in result.lines[0].phonemes and "lˈʌxɚ" in result.lines[0].phonemes
    assert result.texts == ("Dear Siobhan, see Loughor.",)


def test_identifiers_survive_edits_elsewhere_and_tell_repeats_apart() -> None:
    before = timeline({"ANNA": "One."}, {"BOB": "Two."}, {"ANNA": "One."}).lines
    after = timeline({"ANNA": "One."}, {"BOB": "Another."}, {"ANNA": "One."}).lines
    assert [before[i].id for i in (0, 2)] == [after[i].id for i in (0, 2)]
    assert len({line.id for line in before}) == 3 and before[1].id != after[1].id


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ([{"who": "ANNA", "text": "Hi.", "overlap": 0.2}], "no line stands before it"),
        ([{"ANNA": "Hi."}, {"who": "BOB", "text": "Hi.", "overlap": 9}], "lasts only"),
        ([{"ANNA": "Hello you."}, {"who": "ANNA", "text": "Again.", "overlap": 0.2}], "ANNA would say both"),
        ([{"ANNA": "Hello."}, {"BOB": "And."}, {"who": "anna", "text": "No.", "start": 0.4}], "lines 1 and 3: ANNA"),
        ([{"ANNA": "Hello."}, {"DORA": "?"}], "Script line 2: nobody in the cast is called 'DORA'"),
        ([{"ANNA": "..."}, {"BOB": "Hi."}], "Script line 1 (ANNA): There is nothing to say"),
    ],
)
def test_impossible_scripts_are_refused_by_name(script: list[dict], sentence: str) -> None:
    with pytest.raises(ValueError, match="(?i)script line") as error:
        timeline(*script)
    assert sentence in str(error.value)


def test_every_bad_line_is_reported_at_once() -> None:
    with pytest.raises(ValueError, match="1 ") as error:
        timeline({"ANNA": "..."}, {"BOB": "Fine."}, {"CARL": "{x|ÿ}"})
    assert len(str(error.value).splitlines()) == 2


def test_rounding_matches_the_grid() -> None:
    assert timeline({"who": "ANNA", "text": "Hi.", "start": 1.99}).lines[0].start == frames_from_seconds(1.99) == 50


def test_the_rhythm_of_a_line_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int | None] = []

    def predict(  # noqa: ANN202
        self: SevenEach, phonemes: str, voice: object, speed: float = 1.0, seed: int | None = None, language: str = ""
    ):
        seeds.append(seed)
        return (7,) * len(phonemes)

    monkeypatch.setattr(SevenEach, "predict", predict)
    one, two = {"who": "ANNA", "text": "Hello."}, {"who": "BOB", "text": "Hello."}
    timeline(one, two, one)
    timeline(two)
    timeline({**two, "take": 1})
    timeline(two, seed=5)
    first, second, again, alone, retaken, seeded = seeds
    assert second == alone and len({first, second, again, retaken, seeded}) == 5


def test_a_recording_has_its_words_where_they_are_found_in_it() -> None:
    asked = []

    def times(recording: np.ndarray, phonemes: str) -> tuple[int, ...] | None:
        asked.append((len(recording), phonemes))
        n_mels = len(recording) // 240
        return (n_mels - len(phonemes) + 1, *[1] * (len(phonemes) - 1)) if "j" in phonemes else None

    cast = [{"name": "ANNA"}]
    script = [{"who": "ANNA", "recording": "a.wav", "text": text} for text in ("Yes.", "No.", "")]
    scene = Scene.model_validate({"picture": "p.png", "cast": cast, "script": script})
    sound = np.ones(24_100, np.float32)
    lines = build_timeline(scene, [Speaker(None)], SevenEach(), lambda name: sound, times_of_words=times).lines
    assert [line.phonemes.strip() != "" for line in lines] == [True, False, False]
    assert lines[0].phonemes == asked[0][1] == " jˈɛs. " and sum(lines[0].durations) == 4 * lines[0].n_frames
    assert lines[1].phonemes == " " and [n for n, _ in asked] == [24_960, 24_960]
    assert all(line.recording is not None for line in lines)
