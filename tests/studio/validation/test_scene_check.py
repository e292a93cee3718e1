"""Bad input: every case is refused by ``parley check`` with exit code 1 and one sentence that names the thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from scene_fixtures import (
    FACE,
    SMALL_FACE,
    Change,
    both,
    check,
    drop,
    put,
    two_faces,
    write,
    write_picture,
    write_sound,
)

from studio.cli import main
from studio.validation.scene_check import check_scene


def an_hour_and_more(path: Path) -> None:
    soundfile.write(path, np.zeros(4000 * 4980, np.int16), 4000, format="FLAC")


@pytest.fixture
def scene(tmp_path: Path) -> dict:
    """A sound scene, its files in ``tmp_path``."""
    return two_faces(tmp_path)


def test_the_scene_that_all_cases_start_from_is_sound(scene: dict, tmp_path: Path, capsys) -> None:
    assert check(write(scene, tmp_path), capsys) == (0, [])


# --- the file itself ---------------------------------------------------------------------------------------------

FILES: dict[str, tuple[str, bytes | str | None, list[str]]] = {
    "missing file": ("scen.yaml", None, ["scen.yaml", "does not exist", "scene.yaml"]),
    "folder": ("folder.yaml", None, ["folder.yaml", "is a folder"]),
    "other kind of file": ("scene.txt", "picture: a.png", ["scene.txt", ".yaml"]),
    "not text": ("bad.yaml", b"picture: \xff\xfe\x80", ["bad.yaml", "UTF-8"]),
    "too large": ("bad.yaml", "#" * 1_000_001, ["bad.yaml", "1 MB"]),
    "empty": ("bad.yaml", "# nothing\n", ["bad.yaml", "is empty", "picture"]),
    "a list": ("bad.yaml", "- picture\n", ["bad.yaml", "is a list"]),
    "bad YAML": ("bad.yaml", "picture: a.png\ncast: [\nscript: x\n", ["bad.yaml line 4", "not valid YAML"]),
    "tab in YAML": ("bad.yaml", "cast:\n\t- name: A\n", ["bad.yaml line 2", "not valid YAML"]),
    "bad JSON": ("bad.json", '{"picture": "a.png",\n}', ["bad.json line 2", "not valid JSON"]),
    "key twice in YAML": ("bad.yaml", "picture: a.png\npicture: b.png\n", ["bad.yaml line 2", "'picture'", "twice"]),
    "key twice in JSON": ("bad.json", '{"seed": 1, "seed": 2}', ["bad.json", "'seed'", "twice"]),
    "alias": ("bad.yaml", "title: &x a\npicture: *x\n", ["bad.yaml line 2", "*x"]),
    "bottomless": ("bad.yaml", "[" * 3000, ["bad.yaml", "nested too deeply"]),
    "list as key": ("bad.yaml", "? [a]\n: b\n", ["bad.yaml line 1", "key"]),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files(case: str, tmp_path: Path, capsys) -> None:
    name, content, needles = FILES[case]
    (tmp_path / "scene.yaml").write_text("picture: a.png")
    (tmp_path / "folder.yaml").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    code, sentences = check(tmp_path / name, capsys)
    assert code == 1
    assert len(sentences) == 1, sentences
    assert all(needle in sentences[0] for needle in needles), sentences[0]


# --- what it says ------------------------------------------------------------------------------------------------


def sound(name: str, make: Callable[[Path], object]) -> Change:
    """Write a file and use it as the recording of the third line."""
    return both(lambda scene, folder: make(folder / name), put("script", 2, "recording", value=name))


def picture(name: str, make: Callable[[Path], object], *others: Change) -> Change:
    return both(lambda scene, folder: make(folder / name), put("picture", value=name), *others)


def mask(name: str, make: Callable[[Path], object], character: int = 0) -> Change:
    return both(lambda scene, folder: make(folder / name), put("cast", character, "mask", value=name))


def grey(size: tuple[int, int], value: int) -> Callable[[Path], object]:
    return lambda path: cv2.imwrite(str(path), np.full(size, value, np.uint8))


ONE_LINE = put("script", value=[{"who": "ANNA", "text": "Good morning."}])

FORM: dict[str, tuple[Change, list[str]]] = {
    "unknown key": (put("lable", value="no"), ["unknown key 'lable'", "'label'"]),
    "unknown key of a character": (put("cast", 1, "colr", value="x"), ["(BOB)", "unknown key 'colr'", "'colour'"]),
    "unknown key of a line": (put("script", 1, "puase", value=1), ["line 2 (BOB)", "unknown key 'puase'", "'pause'"]),
    "unknown key of a voice": (
        lambda scene, folder: scene["cast"][1].update(voice={"presett": "x", "preset": scene["cast"][1]["voice"]}),
        ["(BOB): voice", "'presett'", "'preset'"],
    ),
    "no picture": (drop("picture"), ["'picture' is missing"]),
    "empty picture": (put("picture", value=""), ["picture", "no file name"]),
    "no cast": (both(drop("cast"), ONE_LINE), ["'cast' is missing"]),
    "no script": (drop("script"), ["'script' is missing"]),
    "nameless": (put("cast", value=[{"voice": "x"}]), ["character 1", "'name' is missing"]),
    "cast no list": (put("cast", value={"name": "ANNA"}), ["cast", "a list", "dash"]),
    "unknown role": (put("cast", 1, "role", value="narator"), ["(BOB): role", "'narator'", "'narrator'"]),
    "bad colour": (put("cast", 0, "colour", value="red"), ["(ANNA): colour", "#rrggbb", "'red'"]),
    "too much mouth": (put("cast", 0, "mouth", value=2), ["(ANNA): mouth", "1.5", "2"]),
    "head no number": (put("cast", 0, "head", value="much"), ["(ANNA): head", "number", "'much'"]),
    "blink not finite": (put("cast", 0, "blink", value="nan"), ["(ANNA): blink", "finite"]),
    "region of three": (put("cast", 0, "region", value=[1, 2, 3]), ["(ANNA): region", "box"]),
    "region inside out": (put("cast", 0, "region", value=[200, 0, 100, 50]), ["(ANNA): region", "edge"]),
    "region of two points": (put("cast", 0, "region", value=[[1, 2], [3, 4]]), ["(ANNA): region", "2 points"]),
    "region in words": (put("cast", 0, "region", value="left"), ["(ANNA): region", "'left'"]),
    "two places": (
        both(put("cast", 0, "region", value=[0, 0, 9, 9]), put("cast", 0, "mask", value="m.png")),
        ["(ANNA)", "more than one place"],
    ),
    "narrator with a face": (
        both(put("cast", 1, "role", value="narrator"), put("cast", 1, "region", value=[0, 0, 9, 9])),
        ["(BOB)", "narrator, who has no face"],
    ),
    "colon in a name": (put("cast", 1, "name", value="BO:B"), ["character 2", "should not contain :"]),
    "empty name": (put("cast", 1, "name", value=" "), ["character 2", "name", "empty"]),
    "negative pause": (put("script", 1, "pause", value=-1), ["line 2 (BOB): pause", "-1"]),
    "pause no number": (put("script", 1, "pause", value="long"), ["line 2 (BOB): pause", "'long'"]),
    "too fast": (put("script", 0, "speed", value=9), ["line 1 (ANNA): speed", "2", "9"]),
    "two times": (put("script", 1, "start", value=3), ["line 2 (BOB)", "pause and start"]),
    "line without a name": (put("script", value="ANNA: Hello.\nso what\n"), ["'so what' has no speaker", "NAME: text"]),
    "unknown option": (put("script", value="ANNA (loud 3): Hello.\n"), ["'loud 3'", "pause, overlap"]),
    "option twice": (put("script", value="ANNA (pause 3, pause 2): Hello.\n"), ["pause is given twice"]),
    "pause at the end": (put("script", value="ANNA: Hello.\n(pause 1)\n"), ["pause at the end"]),
    "two lines in one": (put("script", 0, value="ANNA: Hello.\nBOB: Hi."), ["one line", "it holds 2"]),
    "negative seed": (put("seed", value=-5), ["seed", "-5"]),
    "label maybe": (put("label", value="maybe"), ["label", "'maybe'"]),
    "other version": (put("version", value=3), ["version 3", "later Parley"]),
    "unknown consent": (put("consent", value="drawm"), ["consent 'drawm'", "'drawn'"]),
    "lexicon no mapping": (put("lexicon", value=["a"]), ["lexicon", "keys with values"]),
}

MEANING: dict[str, tuple[Change, list[str]]] = {
    "empty cast": (put("cast", value=[]), ["the cast is empty"]),
    "no lines": (put("script", value=[]), ["script has no lines", "NAME: text"]),
    "same name twice": (both(put("cast", 1, "name", value="Anna"), ONE_LINE), ["Anna is in the cast twice"]),
    "unknown style": (put("cast", 0, "styles", value={"calm": 0.5}), ["ANNA", "style 'calm'", "not known"]),
    "unknown voice": (
        lambda scene, folder: scene["cast"][1].update(voice=scene["cast"][1]["voice"] + "x"),
        ["BOB: the voice", "did you mean"],
    ),
    "no voice": (drop("cast", 1, "voice"), ["BOB speaks but has no voice"]),
    "unknown speaker": (put("script", 1, "who", value="BOBB"), ["line 2", "'BOBB'", "'BOB'"]),
    "looks at nobody": (put("script", 1, "looks", value="ANA"), ["line 2 (BOB)", "nobody to look at", "'ANNA'"]),
    "looks at oneself": (put("script", 1, "looks", value="BOB"), ["line 2 (BOB)", "nobody to look at", "viewer"]),
    "empty line": (put("script", 1, "text", value=" "), ["line 2 (BOB) is empty"]),
    "silent speaker": (put("cast", 1, "role", value="silent"), ["line 2 (BOB)", "role silent"]),
    "endless line": (put("script", 1, "text", value="word " * 20_001), ["line 2 (BOB)", "100004 letters"]),
    "nothing to say": (put("script", 1, "text", value="... !"), ["line 2 (BOB)", "nothing to say"]),
    "only an emoji": (put("script", 1, "text", value="😀"), ["line 2 (BOB)", "😀"]),
    "other script": (put("script", 1, "text", value="Say 你好 now"), ["line 2 (BOB)", "你 好"]),
    "open brace": (put("script", 1, "text", value="Dear {Siobhan"), ["line 2 (BOB)", "Braces", "Siobhan"]),
    "unknown IPA": (put("script", 1, "text", value="Dear {Xi|ɧ}."), ["line 2 (BOB)", "'Xi'", "'ɧ'"]),
    "unknown IPA in the lexicon": (put("lexicon", value={"Xi": "ɧ"}), ["lexicon", "'Xi'", "'ɧ'"]),
    "overlap of the first": (
        put("script", 0, value={"who": "ANNA", "text": "Hi.", "overlap": 1}),
        ["line 1 (ANNA)", "no line stands before"],
    ),
    "overlap too long": (
        put("script", 1, value={"who": "BOB", "text": "Hello there.", "overlap": 30}),
        ["line 2 (BOB)", "lasts only"],
    ),
    "one person twice at once": (
        put("script", 2, value={"who": "ANNA", "text": "Good.", "start": 0.4}),
        ["lines 1 and 3", "ANNA would say both"],
    ),
    "no consent": (drop("consent"), ["consent: drawn, me, agreed or public"]),
    "no statement": (put("consent", value="agreed"), ["consent 'agreed'", "statement"]),
    "two sources of a voice": (
        put("cast", 1, "voice", value={"clip": "hello.wav", "preset": "x"}),
        ["(BOB): voice", "not both"],
    ),
}

RECORDINGS: dict[str, tuple[Change, list[str]]] = {
    "missing": (put("script", 2, "recording", value="helo.wav"), ["line 3 (ANNA)", "'helo.wav'", "'hello.wav'"]),
    "folder": (sound("takes", Path.mkdir), ["line 3 (ANNA)", "'takes' is a folder"]),
    "not sound": (sound("a.wav", lambda path: path.write_text("no sound")), ["line 3 (ANNA)", "a.wav", "as sound"]),
    "empty file": (sound("a.wav", Path.touch), ["line 3 (ANNA)", "a.wav", "empty file"]),
    "no samples": (sound("a.wav", lambda path: write_sound(path, 0)), ["line 3 (ANNA)", "a.wav", "no samples"]),
    "silence": (sound("a.wav", lambda path: write_sound(path, level=0)), ["line 3 (ANNA)", "a.wav", "silent"]),
    "not a number": (
        sound("a.wav", lambda path: write_sound(path, level=np.nan)),
        ["line 3 (ANNA)", "a.wav", "not numbers"],
    ),
    "too long": (sound("a.wav", an_hour_and_more), ["line 3 (ANNA)", "'a.wav' lasts 83 min"]),
}

PICTURES: dict[str, tuple[Change, list[str]]] = {
    "missing": (put("picture", value="tow.png"), ["'tow.png' does not exist", "'two.png'"]),
    "folder": (picture("shots.png", Path.mkdir), ["'shots.png' is a folder"]),
    "not a picture": (picture("a.png", lambda path: path.write_text("text")), ["a.png", "not a picture"]),
    "empty file": (picture("a.png", Path.touch), ["a.png", "empty"]),
    "cut off": (
        lambda scene, folder: (folder / "two.png").write_bytes((folder / "two.png").read_bytes()[:9000]),
        ["two.png", "cut off"],
    ),
    "too small": (picture("a.png", lambda path: write_picture(path, FACE[:40, :40])), ["a.png", "40 x 40"]),
    "no face": (
        picture("a.png", lambda path: write_picture(path, np.full((200, 300, 3), 90, np.uint8))),
        ["no face is found", "'a.png'", "ANNA, BOB", "narrator"],
    ),
    "one face for two": (
        picture("a.png", lambda path: write_picture(path, FACE)),
        ["only 1 face", "left for BOB", "narrator"],
    ),
    "face too small": (
        picture("a.png", lambda path: write_picture(path, SMALL_FACE), drop("cast", 1), ONE_LINE),
        ["ANNA: the face is too small", "pixels between the eyes"],
    ),
    "region outside": (
        put("cast", 0, "region", value=[600, 0, 700, 90]),
        ["ANNA's region", "outside the picture", "512 x 256"],
    ),
    "region without a face": (
        put("cast", 0, "region", value=[0, 200, 60, 256]),
        ["ANNA: no face is found inside the region"],
    ),
    "region tiny": (put("cast", 0, "region", value=[50, 50, 54, 54]), ["ANNA's mask is only", "at least 16 pixels"]),
    "same face twice": (
        both(
            put("cast", 0, "region", value=[0, 0, 250, 256]),
            put("cast", 1, "region", value=[[0, 0], [512, 0], [512, 256]]),
        ),
        ["share", "ANNA", "BOB"],
    ),
    "rig face without a rig": (put("cast", 1, "rig_face", value="fox"), ["BOB", "no rig face 'fox'", "rig file"]),
    "rig file missing": (put("rig", value="r.yaml"), ["rig file 'r.yaml' does not exist"]),
    "mask missing": (put("cast", 0, "mask", value="m.png"), ["ANNA's mask 'm.png' does not exist"]),
    "mask a folder": (mask("m.png", Path.mkdir), ["ANNA's mask 'm.png' is a folder"]),
    "mask no picture": (mask("m.png", lambda path: path.write_text("x")), ["ANNA's mask m.png", "not a picture"]),
    "mask empty": (mask("m.png", grey((256, 512), 0)), ["ANNA's mask is empty"]),
    "mask everything": (mask("m.png", grey((256, 512), 255)), ["ANNA's mask covers the whole picture"]),
    "mask of another shape": (mask("m.png", grey((300, 300), 255)), ["ANNA's mask has 300 x 300 pixels", "512 x 256"]),
}


CASES = {
    f"{group}: {name}": case
    for group, cases in (("form", FORM), ("meaning", MEANING), ("recording", RECORDINGS), ("picture", PICTURES))
    for name, case in cases.items()
}


@pytest.mark.parametrize("case", CASES)
def test_bad_scenes(case: str, scene: dict, tmp_path: Path, capsys) -> None:
    change, needles = CASES[case]
    change(scene, tmp_path)
    code, sentences = check(write(scene, tmp_path), capsys)
    assert code == 1
    assert len(sentences) == 1, "\n".join(sentences)
    assert sentences[0].startswith("scene.yaml"), sentences[0]
    assert all(needle in sentences[0] for needle in needles), sentences[0]
    assert sentences[0].endswith((".", "?")), sentences[0]


def test_everything_is_reported_at_once(scene: dict, tmp_path: Path, capsys) -> None:
    for change in (
        put("lable", value=1),
        put("cast", 0, "mouth", value=7),
        put("cast", 1, "voice", value="nobody"),
        put("script", 1, "text", value="..."),
        put("script", 2, "recording", value="gone.wav"),
        put("picture", value="gone.png"),
        drop("consent"),
    ):
        change(scene, tmp_path)
    code, sentences = check(write(scene, tmp_path), capsys)
    assert code == 1
    for needle in ("'lable'", "mouth", "'nobody'", "nothing to say", "gone.wav", "gone.png", "consent:"):
        assert sum(needle in sentence for sentence in sentences) == 1, (needle, sentences)
    assert len(sentences) == 7


def test_json_scenes_and_json_answers(scene: dict, tmp_path: Path, capsys) -> None:
    scene["cast"][0]["mouth"] = 1.5
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    assert main(["check", str(tmp_path / "scene.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "ok"
    scene["seed"] = -1
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    assert main(["check", str(tmp_path / "scene.json"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["event"] == "problem"


def test_a_tight_region_gives_a_warning(scene: dict, tmp_path: Path, capsys) -> None:
    first = check_scene(write(scene, tmp_path)).assignment.assigned[0].face
    x1 = first.box[2]
    scene["cast"][0]["region"] = [0, 0, x1 + 1, 256]
    scene["cast"][1]["region"] = [x1 + 1, 0, 512, 256]  # the neighbour begins where ANNA's face ends
    assert main(["check", str(write(scene, tmp_path))]) == 0
    assert "ANNA's region or mask is tight" in capsys.readouterr().out


def test_faces_are_taken_by_region_and_from_left_to_right(scene: dict, tmp_path: Path) -> None:
    scene["cast"][0]["region"] = [256, 0, 512, 256]  # ANNA claims the right face, so BOB has the left one
    assignment = check_scene(write(scene, tmp_path)).assignment
    middles = {person.character: float(person.face.eyes[:, 0].mean()) for person in assignment.assigned}
    assert middles[0] > 256 > middles[1]


def test_numbers_and_yes_are_text_when_somebody_says_them(scene: dict, tmp_path: Path) -> None:
    voice = scene["cast"][0]["voice"]
    head = f"picture: two.png\nconsent: drawn\ncast: [{{name: No, voice: {voice}}}, {{name: '7', voice: {voice}}}]\n"
    (tmp_path / "scene.yaml").write_text(f"{head}script:\n  - No: Yes\n  - 7: 12\n  - No (speed 1.2): 1e5\n")
    report = check_scene(tmp_path / "scene.yaml")
    assert report.problems == ()
    assert [(line.who, line.text) for line in report.scene.script] == [("No", "Yes"), ("7", "12"), ("No", "1e5")]


def test_problems_are_printed_as_data(scene: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene["cast"][1]["voice"] = "Alise"
    scene["script"].append({"who": "CARL", "text": "Hello."})
    assert main(["check", "--json", str(write(scene, tmp_path))]) == 1
    voice, line = (json.loads(row) for row in capsys.readouterr().out.splitlines())
    assert (voice["event"], voice["part"], voice["where"]) == ("problem", "voices", ["cast", 1, "voice"])
    assert (voice["what"], voice["repair"]) == ("BOB: the voice 'Alise' is not known", "did you mean 'Alice'?")
    assert voice["message"] == f"scene.yaml line {voice['line']}: {voice['what']}; {voice['repair']}"
    assert (line["part"], line["where"]) == ("script", ["script", 3])


def test_directions_and_another_language_give_warnings(scene: dict, tmp_path: Path, capsys) -> None:
    scene["script"][0]["text"] = "[laughs] Good morning."
    scene["script"][1]["text"] = "Ich weiß nicht, was du von mir willst."
    assert main(["check", str(write(scene, tmp_path))]) == 0
    told = capsys.readouterr().out
    assert "script line 1 (ANNA): the direction 'laughs' is not understood and left out; the nearest that is: " in told
    assert "script line 2 (BOB) seems to be German" in told
