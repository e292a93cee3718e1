"""Lines said together and lines that come out of another's face: document, screenplay, clock, subtitles, edits."""

from __future__ import annotations

import numpy as np
import pytest

from studio.core.problems import DocumentError
from studio.editing import script_edits
from studio.editing.actions import read_line_action
from studio.editing.cast_edits import _with_renamed
from studio.export.subtitles import captions
from studio.performance.scene_routing import driven_faces, faces_moved, scene_routing
from studio.project.restore import media_names
from studio.scene import screenplay
from studio.scene.document import checked_scene, scene_data
from studio.scene.line_names import line_names
from studio.scene.schema import Scene, ScriptLine, masks_of
from studio.timeline.timeline import Speaker, Timeline, build_timeline
from studio.timeline.word_timing import word_times

CAST = [{"name": "Nora", "voice": "v"}, {"name": "Theo", "voice": "v"}, {"name": "Max", "role": "narrator"}]


class Pace:
    """Each symbol lasts as long as the first number of the voice says."""

    def predict(
        self, phonemes: str, voice: np.ndarray, speed: float = 1.0, seed: int | None = None, language: str = "en-us"
    ) -> tuple[int, ...]:
        return tuple(int(voice[0]) for _ in phonemes)


def scene(*script: object) -> Scene:
    return Scene.model_validate({"picture": "p.png", "cast": CAST, "script": list(script)})


def timeline(made: Scene) -> Timeline:
    speakers = [Speaker(np.full(64, pace, np.float32)) for pace in (8, 12, 10)]
    return build_timeline(made, speakers, Pace(), lambda name: np.zeros(24_000, np.float32))


def test_names_are_a_list_or_joined_by_a_plus_and_come_back_from_file_and_screenplay() -> None:
    made = scene({"who": ["Nora", "theo"], "text": "Yes."}, {"who": "Nora", "face": ["Theo", "Nora"], "text": "No."})
    assert [line.who for line in made.script] == ["Nora + theo", "Nora"]
    assert made.script[0].speakers == ("Nora", "theo") and made.script[1].faces == ("Theo", "Nora")
    assert checked_scene(scene_data(made)) == made
    text = screenplay.print_lines(made.script)
    assert text == "Nora + theo: Yes.\nNora (face Theo + Nora): No.\n"
    assert tuple(ScriptLine.model_validate(fields) for fields in screenplay.parse(text)) == made.script
    assert scene({"Nora + Theo": "Yes."}).script[0].speakers == ("Nora", "Theo")
    with pytest.raises(ValueError, match="names Nora twice"):
        scene({"who": "Nora + nora", "text": "Yes."})
    with pytest.raises(ValueError, match="recording of several"):
        scene({"who": "Nora + Theo", "recording": "a.wav"})


def test_a_line_said_together_is_one_voice_each_on_one_clock() -> None:
    made = scene({"who": "Nora", "text": "One."}, {"who": ["Nora", "Theo"], "text": "We say it together."})
    clock = timeline(made)
    both = clock.of_all_speakers(clock.lines[1])
    assert [line.character for line in both] == [0, 1] and len(clock.speaker_lines) == 3
    assert both[0].durations == both[1].durations and both[0].start == both[1].start
    assert both[0].durations[1] == 10, "the mean of 8 and 12"
    onsets = [[word.start for word in word_times(line, clock.texts[1])] for line in both]
    np.testing.assert_allclose(*onsets, atol=0.04)
    assert len({line.id for line in clock.speaker_lines}) == 3
    made_captions = captions(clock.lines, clock.texts, clock.speaker_names([member["name"] for member in CAST]))
    assert [caption.speaker for caption in made_captions] == ["Nora", "Nora and Theo"]


def test_names_of_lines_stay_when_a_face_is_chosen_and_change_with_the_speakers() -> None:
    line = {"who": "Nora", "text": "One."}
    plain, faced, both = (line_names(scene(line | more))[0] for more in ({}, {"face": "Theo"}, {"who": "Nora + Theo"}))
    assert plain == faced and both != plain and both.startswith("Nora + Theo-")


def test_two_lines_of_one_voice_still_clash_when_others_say_one_of_them_too() -> None:
    with pytest.raises(ValueError, match="Theo would say both"):
        timeline(scene({"who": "Nora + Theo", "text": "One two three."}, {"who": "Theo", "text": "No.", "start": 0.4}))


def test_a_voice_is_at_the_place_of_the_face_it_is_given_for_the_length_of_its_line() -> None:
    made = scene(
        {"who": "Nora", "text": "Own."}, {"who": "Nora", "face": "Theo", "text": "His."}, {"who": "Theo", "text": "Me."}
    )
    clock = timeline(made)
    routing = scene_routing(made, clock, np.eye(3))
    first, his, last = clock.lines
    expected = np.repeat(np.eye(3, dtype=np.float32)[:, :, None], clock.n_frames, 2)
    expected[:2, :2, his.start : his.stop] = np.array([[0, 1], [0, 0]])[:, :, None]
    np.testing.assert_array_equal(routing, expected)
    assert (
        driven_faces(routing, his) == [1] and driven_faces(routing, first) == [0] and driven_faces(routing, last) == [1]
    )
    assert faces_moved(routing, [his]) == [0, 1]


def test_voices_share_a_face_that_both_speak_through_and_one_voice_may_have_several() -> None:
    made = scene(
        {"who": "Nora", "face": "Theo", "text": "One two three."}, {"who": "Theo", "text": "No.", "start": 0.4}
    )
    clock = timeline(made)
    routing = scene_routing(made, clock, np.eye(3))
    np.testing.assert_allclose(routing[:2, 1, 12], 0.5)
    unison = scene({"who": "Max", "face": ["Nora", "Theo"], "text": "One."})
    clock = timeline(unison)
    line = clock.lines[0]
    said = scene_routing(unison, clock, np.eye(3))[:, :, line.start]
    np.testing.assert_array_equal(said, [[0, 0, 0], [0, 0, 0], [1, 1, 0]])


def test_masks_that_overlap_share_what_the_script_puts_in_their_place() -> None:
    made = scene({"who": "Nora", "face": "Theo", "text": "One."})
    clock = timeline(made)
    belongs = np.array([[0.8, 0.2, 0], [0.1, 0.7, 0], [0, 0, 1]], np.float32)
    at = clock.lines[0].start
    np.testing.assert_allclose(scene_routing(made, clock, belongs)[0, :, at], [0.1, 0.7, 0], rtol=1e-6)
    np.testing.assert_array_equal(scene_routing(made, clock, belongs)[:, :, 0], belongs)


def test_the_page_sets_speakers_and_faces_and_says_what_cannot_be() -> None:
    made = scene({"who": "Nora", "text": "One."})
    speakers = {"index": 0, "kind": "who", "value": ["Nora", "Theo"]}
    both, _ = script_edits.apply_line_action(made, read_line_action(speakers))
    assert both.script[0].speakers == ("Nora", "Theo")
    faced, _ = script_edits.apply_line_action(made, read_line_action({"index": 0, "kind": "face", "value": ["Theo"]}))
    assert faced.script[0].faces == ("Theo",)
    assert script_edits.apply_line_action(faced, read_line_action({"index": 0, "kind": "face", "value": []}))[0] == made
    with pytest.raises(ValueError, match="This line names Nora twice; keep one."):
        script_edits.apply_line_action(made, read_line_action({"index": 0, "kind": "who", "value": ["Nora", "nora"]}))


def test_a_new_name_is_new_wherever_a_line_names_it() -> None:
    line = ScriptLine(who="Nora + Theo", face="theo", looks="Theo", text="Theo.")
    assert _with_renamed(line, "Theo", "Ted") == ScriptLine(who="Nora + Ted", face="Ted", looks="Ted", text="Theo.")


def test_places_that_change_are_read_written_and_checked() -> None:
    regions = [{"from": 0, "to": 2.5, "region": [0, 0, 20, 20]}, {"from": 2.5, "to": 4, "mask": "there.png"}]
    made = Scene.model_validate({"picture": "p.png", "cast": [CAST[0] | {"regions": regions}], "script": []})
    data = scene_data(made)
    assert data["cast"][0]["regions"][1] == {"from": 2.5, "to": 4.0, "mask": "there.png"}
    assert checked_scene(data) == made and masks_of(made.cast[0]) == ["there.png"]
    assert "there.png" in media_names(made)


@pytest.mark.parametrize(("regions", "said"), [
    ([{"from": 1, "to": 3, "mask": "a"}, {"from": 2, "to": 4, "mask": "b"}], "begins before the one before it ends"),
    ([{"from": 3, "to": 4, "mask": "a"}, {"from": 1, "to": 2, "mask": "b"}], "not in order"),
    ([{"from": 2, "to": 2, "mask": "a"}], "should end after 2 s"),
    ([{"from": 1, "to": 2}], "either a region or a mask"),
    ([{"from": 1, "to": 2, "region": [0, 0, 9, 9], "mask": "a"}], "either a region or a mask"),
    ([{"from": 1, "til": 2, "mask": "a"}], "unknown key 'til'; known are from, mask, region, to"),
    ([{"from": 1, "to": 2, "region": "auto"}], "should be a list"),
])  # fmt: skip
def test_places_that_cannot_be_are_problems(regions: list[dict], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        checked_scene({"picture": "p.png", "cast": [CAST[0] | {"regions": regions}], "script": []})
    with pytest.raises(DocumentError, match="is a narrator"):
        regions = [{"from": 1, "to": 2, "mask": "a"}]
        checked_scene({"picture": "p.png", "cast": [CAST[2] | {"regions": regions}], "script": []})
