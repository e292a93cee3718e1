"""Scene documents: forms that are read, defaults, and the round trip through YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from studio.core.messages import nearest
from studio.core.problems import DocumentError
from studio.scene.document import dump_scene, load_scene
from studio.scene.schema import COLOURS, Scene

FULL = """
title: Tea
picture: tea room.png
consent: agreed
statement: Anna, by letter
rig: tea.rig.yaml
seed: 7
label: no
lexicon: {Loughor: lˈʌxɚ}
cast:
  - name: ANNA
    colour: "#102030"
    region: [10, 20, 110.5, 220]
    voice: heart
    mouth: 0.8
  - {name: Bob Stone, region: [[0, 0], [50, 0], [50, 80]], voice: {clip: bob.wav, consent: me}, head: 0, blink: 1.5}
  - {name: CARL, mask: carl.png, language: en-gb}
  - {name: FOX, rig_face: fox, role: silent}
  - {name: VOICE, role: narrator, voice: heart}
  - {name: DORA}
script:
  - ANNA: "Hello: you."
  - Bob Stone (pause 0.5, speed 1.1): Good morning {Siobhan|ʃɪvˈɔːn}.
  - "VOICE (start 9.5): Meanwhile."
  - {who: carl, recording: carl.wav, overlap: 0.25}
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    (tmp_path / "scene.yaml").write_text(FULL, encoding="utf-8")
    return load_scene(tmp_path / "scene.yaml")


def test_every_form_is_read(scene: Scene) -> None:
    anna, bob, carl, fox, voice, dora = scene.cast
    assert anna.region == ((10, 20), (110.5, 20), (110.5, 220), (10, 220))
    assert anna.voice.preset == "heart" and bob.voice.clip == "bob.wav" and bob.voice.consent == "me"
    assert bob.region == ((0, 0), (50, 0), (50, 80))
    assert (bob.head, bob.blink, anna.mouth, carl.mask, fox.rig_face) == (0, 1.5, 0.8, "carl.png", "fox")
    assert [line.who for line in scene.script] == ["ANNA", "Bob Stone", "VOICE", "carl"]
    assert (scene.script[1].pause, scene.script[1].speed, scene.script[2].start) == (0.5, 1.1, 9.5)
    assert (scene.seed, scene.label, scene.lexicon) == (7, False, {"Loughor": "lˈʌxɚ"})


def test_all_but_narrators_are_on_screen_and_found_by_name(scene: Scene) -> None:
    assert scene.on_screen == [0, 1, 2, 3, 5]
    assert scene.find("bob stone") == 1 and scene.find("Eve") is None


def test_colours_are_given_or_from_the_palette(scene: Scene) -> None:
    assert [scene.colour_of(index) for index in (0, 1)] == ["#102030", COLOURS[1]]


def test_round_trip_through_yaml(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(dump_scene(scene), encoding="utf-8")
    assert load_scene(tmp_path / "again.yaml") == scene


def test_a_screenplay_block_equals_the_list(scene: Scene, tmp_path: Path) -> None:
    head = FULL[: FULL.index("script:")]
    block = (
        "script: |\n  ANNA: Hello: you.\n  (pause 0.5)\n  Bob Stone (speed 1.1): Good morning\n    {Siobhan|ʃɪvˈɔːn}.\n"
        "  VOICE (start 9.5): Meanwhile.\n  carl (recording carl.wav, overlap 0.25):\n"
    )
    (tmp_path / "block.yaml").write_text(head + block, encoding="utf-8")
    assert load_scene(tmp_path / "block.yaml") == scene


def test_line_numbers_point_into_the_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "picture: a.png\ncast:\n  - name: A\n    mouth: 9\nscript: |\n  A: x\n  oops\nseed: q\n", encoding="utf-8"
    )
    with pytest.raises(DocumentError) as error:
        load_scene(tmp_path / "s.yaml")
    places = sorted(str(problem).split(":")[0] for problem in error.value.problems)
    assert places == ["s.yaml line 4", "s.yaml line 7", "s.yaml line 8"]


def test_scenes_do_not_change_under_the_hand(scene: Scene) -> None:
    with pytest.raises(ValidationError):
        scene.seed = 8


def test_nearest_known_word() -> None:
    assert nearest("voise", ["voice", "name"]) == "did you mean 'voice'?"
    assert nearest("qqq", ["voice", "name"]) == "known are name, voice."
