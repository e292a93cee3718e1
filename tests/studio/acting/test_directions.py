"""Directions as people write them: what is understood, what it becomes, and that none of it is spoken."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from generation.motion.keyframes import HANDLES
from generation.text.directions import placed_directions
from generation.text.phonemizer import read_text
from studio.acting.compiling import Acted, compiled
from studio.acting.grammar import read_direction
from studio.acting.vocabulary import expressions, phrases
from studio.scene.line_names import line_names
from studio.scene.schema import Scene, ScriptLine
from studio.timeline.directed import acted_line, directed_scene

HERE = Path(__file__).parent
NAMES = ("Nora", "Theo")


def table(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def scene(text: str, **keys: object) -> Scene:
    cast = [{"name": name, "voice": "Alice"} for name in NAMES]
    return Scene.model_validate({"picture": "", "cast": cast, "script": [{"who": "Nora", "text": text, **keys}]})


def line(text: str, **keys: object) -> ScriptLine:
    return directed_scene(scene(text, **keys)).script[0]


def acted(direction: str, after: int = 0, n_words: int = 12) -> Acted:
    return compiled([(direction, after)], n_words, NAMES)


@pytest.mark.parametrize("row", table("directions"), ids=lambda row: row["line"][:30])
def test_every_direction_is_understood_and_none_is_spoken(row: dict[str, str]) -> None:
    found = scene(row["line"])
    asked = acted_line(found, found.script[0])
    assert asked.chips and not asked.unknown
    spoken = read_text(row["line"])
    assert spoken.directions and not set("()[]*") & set(spoken.words)
    ((direction, _),) = placed_directions(row["line"])[1]
    assert direction not in spoken.words


@pytest.mark.parametrize("row", table("no_directions"), ids=lambda row: row["line"][:30])
def test_what_means_nothing_is_named_with_the_nearest_and_not_spoken(row: dict[str, str]) -> None:
    found = scene(row["line"])
    asked = acted_line(found, found.script[0])
    assert asked.unknown and all(unknown.nearest for unknown in asked.unknown)
    assert directed_scene(found).script[0].model_dump() == found.script[0].model_dump()
    ((direction, before),) = placed_directions(row["line"])[1]
    assert before == 0 and direction not in read_text(row["line"]).words


def test_a_direction_stands_on_its_word() -> None:
    """Fails when words are counted wrongly, or what stands behind the line begins before it."""
    assert placed_directions("One, two (nods), three. (smiles)")[1] == (("nods", 2), ("smiles", 3))
    (nod,) = acted("nods", after=5).curves
    assert nod.after == 5 and nod.channel == "headNod" and nod.points[0][0] == 0
    smile = acted("smiles", after=12).curves[0]
    assert smile.after == 12 and smile.points[0][0] < 0 < smile.points[-1][0] and smile.points[-1][1] == 0
    held = acted("smiles", after=3).curves[0]
    assert (held.after, held.until) == (3, 12)


def test_how_much_how_often_and_how_quickly() -> None:
    plain, faint, broad = (
        acted(text).curves[0].points[-1][1] for text in ("smiles", "smiles faintly", "smiles broadly")
    )
    assert faint < plain < broad <= 1
    assert len(acted("nods").curves) == 1 and len(acted("nods twice").curves) == 2
    assert len(acted("nods three times").curves) == 3 and len(acted("nodding").curves) == 3
    once, slow = (acted(text).curves[0].points[-1][0] for text in ("nods", "nods slowly"))
    assert slow > 1.5 * once
    assert acted("slowly").speed < 1 and acted("slowly").curves == []


def test_parts_and_turns() -> None:
    both = acted("whispering, smiles and nods")
    assert both.styles == {"whisper": 1.0} and {curve.channel for curve in both.curves} > {"headNod", "mouthSmile"}
    first, second = acted("looks at Theo, then at the camera").gazes
    assert (first.looks, first.after, first.until) == ("Theo", 0, 6)
    assert (second.looks, second.after, second.until) == ("viewer", 6, 12)
    (away,) = acted("turns away from Theo").gazes
    assert away.opposite and away.turn == 1
    assert acted("furious").emotions == {"angry": 1.0} and acted("a little sad").emotions == {"sad": 0.5}


def test_a_look_at_nobody_is_not_understood() -> None:
    assert read_direction("looks at the purple cow", 0, NAMES)[0] == []
    assert read_direction("looks at Theo", 0, ("Nora",))[0] == []


def test_a_key_of_the_line_goes_before_its_directions_and_curves_are_kept() -> None:
    made = line("(whispering, nods) Come here.", styles={"whisper": 0.3}, speed=1.2, direction="quickly",
                curves=[{"channel": "jawOpen", "points": [[0, 0.2]]}])  # fmt: skip
    assert made.styles == {"whisper": 0.3} and made.speed == pytest.approx(1.5)
    assert [curve.channel for curve in made.curves] == ["jawOpen", "headNod"]
    assert [pause.after for pause in line("Come (pause) here.", pauses=[{"after": 2, "seconds": 1}]).pauses] == [2, 1]
    assert line("(without blinking) Come.").blinks == 0 and line("(without blinking) Come.", blinks=20).blinks == 20


def test_an_emotion_shows_on_face_and_in_the_voice_by_its_intensity() -> None:
    """Fails when the face, the voice or the intensity is left out."""
    strong, weak = line("Hello there.", emotions={"happy": 1}), line("Hello there.", emotions={"happy": 0.5})
    faces = [{curve.channel: curve.points[-1][1] for curve in made.curves} for made in (strong, weak)]
    assert faces[0]["mouthSmile"] == pytest.approx(2 * faces[1]["mouthSmile"]) and faces[0]["mouthSmile"] > 0.4
    assert strong.pitch == 2 and weak.pitch == 1 and strong.melody == 1.3 and strong.speed == 1.05
    assert line("(happily) Hello there.").emotions == {"happy": 1.0}
    assert set(expressions()) == {"happy", "sad", "angry", "afraid", "disgusted", "surprised"}


def test_tables_name_channels_and_styles_that_there_are() -> None:
    for vocal_style, face in expressions().values():
        assert all(channel in HANDLES for channel, _ in face)
        assert all(0 < strength <= 1.5 for _, strength in vocal_style.styles)
    for known in {(found.kind, found.name): found for found in phrases().values()}.values():
        requests = [text for text, found in phrases().items() if (found.kind, found.name) == (known.kind, known.name)]
        for curve in acted(" ".join(requests[0])).curves:
            assert curve.channel in HANDLES


def test_a_direction_leaves_the_take_as_it_is() -> None:
    assert line_names(scene("(nods) Yes, I do.")) == line_names(scene("Yes, I do."))
    assert line_names(scene("No, I do.")) != line_names(scene("Yes, I do."))


def test_a_scene_without_directions_stays_itself() -> None:
    plain = scene("He said (softly) no.")
    assert directed_scene(plain) == plain


def test_the_page_about_directions_shows_scenes_that_can_be_read() -> None:
    page = (HERE.parents[2] / "docs" / "directions.md").read_text(encoding="utf-8")
    cast = [{"name": name, "voice": "Alice"} for name in ("Nora", "Theo")]
    lines, people, stopped = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    made = directed_scene(Scene.model_validate({"picture": "", "cast": cast, **lines}))
    assert made.script[0].styles == {"whisper": 1.0} and made.script[1].emotions == {"sad": 1.0}
    assert [gaze.looks for gaze in made.script[1].gazes] == ["away", "down"]
    assert Scene.model_validate({"picture": "", "cast": cast, **stopped}).script[0].interrupted == "cut"
    given = Scene.model_validate({"picture": "", "script": [], **people}).cast[0]
    assert given.blinks == 12 and given.curves[0].channel == "headTurn" and given.gazes[0].looks == "Nora"
    for row in re.findall(r"^\| (?:Head|Eyes|Face|Voice|Styles|Time|Turns|Listeners) \| (.*) \|$", page, re.MULTILINE):
        for phrase in row.split(", "):
            assert not acted(phrase).unknown, phrase
