"""Documents, rigs, pictures, masks and adapters that were made to do harm: refused early and in one sentence."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from refusals import refused
from safetensors.numpy import load_file, save_file
from scene_fixtures import both, check, drop, put, two_faces, write

from generation.adapters.metadata import read_about, shipped_adapters
from studio.core.problems import Problem
from studio.validation.scene_check import check_scene

NINES = "9" * 400
POINTS = {
    "right_eye_outer": [60, 100], "right_eye_inner": [85, 100], "left_eye_inner": [115, 100],
    "left_eye_outer": [140, 100], "nose_tip": [100, 130], "mouth_right": [80, 160], "mouth_left": [120, 160],
    "upper_lip": [100, 155], "chin": [100, 195],
}  # fmt: skip


def aliases(levels: int) -> str:
    lines = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *lines])


# --- documents ---------------------------------------------------------------------------------------------------

ENDLESS = "picture: two.png\nconsent: drawn\ncast:\n  - {name: A, role: narrator}\nscript: |\n" + "  NOBODY\n" * 50_000
DOCUMENTS: dict[str, tuple[str, str, list[str]]] = {
    "aliases that grow": ("scene.yaml", aliases(9), ["line 2", "aliases (*a0)"]),
    "many items": ("scene.yaml", "cast:\n" + "- {x: 1}\n" * 100_000, ["more than 30000 items", "split the file"]),
    "many lines": ("scene.yaml", "script:\n" + "- A: b\n" * 140_000, ["more than 30000 items"]),
    "a screenplay without end": ("scene.yaml", ENDLESS, ["the script has 50000 lines"]),
    "many keys of JSON": ("scene.json", json.dumps({f"k{i}": 1 for i in range(60_000)}), ["more than 30000 items"]),
    "deep lists": ("scene.json", '{"title": ' + "[" * 900 + "]" * 900 + "}", ["nested too deeply"]),
    "bottomless JSON": ("scene.json", "[" * 200_000, ["nested too deeply"]),
    "deep mappings": ("scene.yaml", "\n".join(" " * i + "a:" for i in range(60)), ["nested too deeply"]),
    "two documents": ("scene.yaml", "title: a\n---\ntitle: b\n", ["line 2", "a second document"]),
    "an alias to itself": ("scene.yaml", "title: &a [*a]\n", ["aliases (*a)"]),
    "a merge key": ("scene.yaml", "x: &x {title: a}\n<<: *x\n", ["aliases (*x)"]),
    "control characters": ("scene.yaml", "title: a\x07b\n", ["not valid YAML"]),
    "an open quotation": ("scene.yaml", 'title: "a\n', ["not valid YAML"]),
    "an unknown directive": ("scene.yaml", "%YAML 9\n---\n", ["not valid YAML"]),
    "a long key": ("scene.json", json.dumps({"k" * 100_000: 1} | {"cast": [], "script": [], "picture": "a"}), ["kkk"]),
    "a long key twice": ("scene.yaml", f"? {'k' * 900}\n: 1\n? {'k' * 900}\n: 2\n", ["occurs twice"]),
    "half a byte order mark": ("scene.json", "\ufffe{}", ["not valid JSON"]),
    "a number alone": ("scene.json", "9" * 5000, ["it should hold keys"]),
    "NaN alone": ("scene.json", "NaN", ["it should hold keys"]),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_documents(case: str, tmp_path: Path, capsys) -> None:
    name, text, needles = DOCUMENTS[case]
    two_faces(tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    if case == "a long key":
        assert all(len(str(problem)) < 420 for problem in check_scene(tmp_path / name).problems)
        return
    refused(["check", tmp_path / name], capsys, *needles)


NAMES = {
    "zero width": "\u200bANNA",
    "nothing to be seen": "\u200b\u200c",
    "text direction": "AN\u202eNA",
    "isolates": "\u2066ANNA\u2069",
    "an escape": "\x1b[31mANNA",
    "NUL": "AN\0NA",
    "half a character": "AN\ud800NA",
    "a bell": "ANNA\a",
    "a joiner at its end": "ANNA\u200d",
    "letters that show nothing": "\u3164\u3164",
    "a soft hyphen": "AN\u00adNA",
    "a byte order mark": "\ufeffANNA",
    "private signs": "\ue000",
    "too long": "A" * 61,
    "far too long": "A" * 400_000,
    "brackets": "AN(NA",
    "a bar": "AN|NA",
}


@pytest.mark.parametrize("case", NAMES)
def test_names(case: str, tmp_path: Path, capsys) -> None:
    scene = two_faces(tmp_path)
    scene["cast"][0]["name"] = NAMES[case]
    scene["script"] = [{"who": "BOB", "text": "Hello."}]
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    refused(["check", tmp_path / "scene.json"], capsys, "character 1")


REGIONS = {
    "not numbers": ["nan"] * 4,
    "infinite": [0, 0, "inf", "inf"],
    "thousands of digits": [0, 0, "9" * 5000, 9],
    "hundreds of digits": [0, 0, int(NINES), 9],
    "far away": [0, 0, 1e300, 1e300],
    "points that are not numbers": [["nan", 1], [2, 3], [4, 5]],
    "many points": [[i, i * i % 7] for i in range(5000)],
    "points of three": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "a mapping": {"left": 1},
    "nested": [[[1, 2]], [[3, 4]], [[5, 6]]],
    "empty": [],
    "text": "everywhere",
    "a long text": "x" * 100_000,
}


@pytest.mark.parametrize("case", REGIONS)
def test_regions(case: str, tmp_path: Path, capsys) -> None:
    scene = two_faces(tmp_path)
    scene["cast"][0]["region"] = REGIONS[case]
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    refused(["check", tmp_path / "scene.json"], capsys, "(ANNA): region")


# --- rigs --------------------------------------------------------------------------------------------------------

HEAD = "picture: [512, 256]\nfaces:\n"
FACE = f"  - name: ANNA\n    points: {json.dumps(POINTS)}\n"
RIGS: dict[str, tuple[str, list[str]]] = {
    "400 digits": (f"picture: [512, {NINES}]\nfaces:\n{FACE}", ["`picture`", "two numbers"]),
    "5,000 digits": (f"picture: [512, {'9' * 5000}]\nfaces:\n{FACE}", ["`picture`", "two numbers"]),
    "a timestamp": (f"picture: !!timestamp abc\nfaces:\n{FACE}", ["`picture`", "two numbers", "abc"]),
    "binary": (f"picture: !!binary '*'\nfaces:\n{FACE}", ["`picture`", "two numbers"]),
    "code": (f"picture: !!python/object/apply:os.system ['true']\nfaces:\n{FACE}", ["`picture`", "two numbers"]),
    "aliases that grow": (aliases(9), ["line 2", "aliases"]),
    "megabytes": (HEAD + "  - {name: x, points: {chin: [1, 2]}}\n" * 20_000, ["larger than 200 kB"]),
    "3,000 faces": (HEAD + "  - {name: x, points: {}}\n" * 3000, ["3000 faces", "50 are the most"]),
    "many items": (HEAD + "  - [1, 2, 3, 4, 5, 6]\n" * 5000, ["more than 30000 items"]),
    "deep": ("picture: " + "[" * 100, ["nested too deeply"]),
    "infinite": (f"picture: [.inf, 256]\nfaces:\n{FACE}", ["`picture`", "[.inf, 256]"]),
    "negative picture": (f"picture: [-512, -256]\nfaces:\n{FACE}", ["ANNA", "outside"]),
    "hexadecimal": (f"picture: [0x200, 256]\nfaces:\n{FACE}", ["`picture`", "0x200"]),
    "sexagesimal": (f"picture: [8:32, 256]\nfaces:\n{FACE}", ["`picture`"]),
    "empty": ("", ["needs the keys"]),
    "a list": ("- a\n", ["needs the keys"]),
    "no YAML": ("picture: [512\n", ["not valid YAML"]),
    "a face of text": (HEAD + "  - ANNA\n", ["face 1", "name"]),
    "a nameless face": (HEAD + "  - points: {chin: [1, 2]}\n", ["face 1", "name"]),
    "a hidden name": (HEAD + '  - name: "\\u202eA"\n    points: {chin: [1, 2]}\n', ["face 1", "visible"]),
    "a long name": (HEAD + f"  - name: {'a' * 400}\n    points: {{chin: [1, 2]}}\n", ["60 visible letters"]),
    "points as text": (HEAD + "  - {name: ANNA, points: all}\n", ["ANNA has no `points`"]),
    "an unknown point": (HEAD + "  - {name: ANNA, points: {chinn: [1, 2]}}\n", ["unknown point chinn", "chin"]),
    "a long unknown point": (HEAD + f"  - {{name: ANNA, points: {{? {'c' * 900} : [1, 2]}}}}\n", ["unknown point"]),
    "a mesh point too many": (HEAD + f"  - {{name: ANNA, points: {{? {'9' * 5000} : [1, 2]}}}}\n", ["unknown point"]),
    "a point of words": (HEAD + "  - {name: ANNA, points: {chin: [left, 3]}}\n", ["ANNA's chin", "[left, 3]"]),
    "twice the same": (HEAD + FACE + FACE, ["two faces named ANNA"]),
    "no UTF-8": ("\udcff", ["cannot be read"]),
}


@pytest.mark.parametrize("case", RIGS)
def test_rigs(case: str, tmp_path: Path, capsys) -> None:
    text, needles = RIGS[case]
    scene = two_faces(tmp_path)
    scene["rig"] = "r.yaml"
    (tmp_path / "r.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(["check", write(scene, tmp_path)], capsys, *needles)


# --- pictures and masks ------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def grey_png(path: Path, width: int, height: int, *extra: bytes) -> None:
    """A small file of that many grey pixels."""
    packer, row = zlib.compressobj(9), bytes(width + 1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def shot(make: Callable[[Path], object], name: str = "a.png") -> Callable[[dict, Path], object]:
    return both(lambda scene, folder: make(folder / name), put("picture", value=name))


def covering(make: Callable[[Path], object]) -> Callable[[dict, Path], object]:
    return both(lambda scene, folder: make(folder / "m.png"), put("cast", 0, "mask", value="m.png"))


def grey(pixels: np.ndarray, quality: int | None = None) -> Callable[[Path], object]:
    """Writes pixels; as JPEG of a quality if one is given, whatever the name."""
    if quality is None:
        return lambda path: cv2.imwrite(str(path), pixels)
    packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return lambda path: path.write_bytes(packed)


def left_half(rest: int, person: int = 255) -> np.ndarray:
    mask = np.full((256, 512), rest, np.uint8)
    mask[:, :256] = person
    return mask


NOISE = np.random.default_rng(1).integers(0, 256, (256, 512)).astype(np.uint8)
PICTURES: dict[str, tuple[Callable[[dict, Path], object], list[str]]] = {
    "169 million pixels": (shot(lambda path: grey_png(path, 13_000, 13_000)), ["13000 x 13000", "40 million"]),
    "a long strip": (shot(lambda path: grey_png(path, 700_000, 64)), ["700000 x 64", "40 million"]),
    "a postscript": (shot(lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")),
                     ["not a picture"]),
    "an icon": (shot(lambda path: path.write_bytes(b"\0\0\1\0\1\0" + bytes(60))), ["not a picture"]),
    "only a header": (shot(lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n")), ["picture"]),
    "text as JPEG": (shot(lambda path: path.write_bytes(b"\xff\xd8\xff" + b"x" * 400)), ["picture"]),
    "a GIF of nothing": (shot(lambda path: path.write_bytes(b"GIF89a")), ["picture"]),
    "a device": (put("picture", value="/dev/zero"), ["device"]),
    "a folder": (put("picture", value="."), ["folder"]),
    "a name of 300 letters": (put("picture", value="a" * 300 + ".png"), ["304 bytes", "255"]),
    "a path of 900 letters": (put("picture", value="a/" * 450 + "b.png"), ["does not exist"]),
    "nothing": (put("picture", value=""), ["no file name"]),
}  # fmt: skip
MASKS: dict[str, tuple[Callable[[dict, Path], object], list[str]]] = {
    "84 million pixels": (covering(lambda path: grey_png(path, 13_000, 6_500)), ["ANNA's mask", "13000 x 6500"]),
    "another shape": (covering(lambda path: grey_png(path, 2_000, 2_000)), ["ANNA's mask", "2000 x 2000"]),
    "on its side": (covering(grey(left_half(0).T)), ["ANNA's mask", "256 x 512"]),
    "noise": (covering(grey(np.maximum(NOISE, left_half(0)))), ["ANNA's region or mask takes 9", "of BOB's face"]),
    "a grey background": (covering(grey(left_half(40))), ["takes 100 % of BOB's face"]),
    "dark all over": (covering(grey(left_half(0, 5))), ["ANNA's mask is empty"]),
    "text": (covering(lambda path: path.write_text("no mask")), ["ANNA's mask m.png", "not a picture"]),
    "cut off": (covering(lambda path: path.write_bytes(cv2.imencode(".png", NOISE)[1].tobytes()[:5000])),
                ["ANNA's mask m.png", "cut off"]),
    "a name too long": (put("cast", 0, "mask", value="m" * 300), ["ANNA's mask", "300 bytes"]),
    "one pixel": (covering(grey(np.zeros((1, 2), np.uint8))), ["ANNA's mask is empty"]),
}  # fmt: skip


@pytest.mark.parametrize("case", {**PICTURES, **MASKS})
def test_pictures_and_masks(case: str, tmp_path: Path, capsys) -> None:
    change, needles = {**PICTURES, **MASKS}[case]
    scene = two_faces(tmp_path)
    change(scene, tmp_path)
    refused(["check", write(scene, tmp_path)], capsys, "scene.yaml", *needles)


FAINT: dict[str, Callable[[Path], object]] = {
    "#010101": grey(left_half(1)),
    "alpha of 1/255": lambda path: cv2.imwrite(str(path), np.dstack([*[np.full((256, 512), 90, np.uint8)] * 3,
                                                                     left_half(1)])),
    "JPEG": grey(left_half(0), quality=70),
}  # fmt: skip


@pytest.mark.parametrize("case", FAINT)
def test_an_almost_black_background_is_nobodys(case: str, tmp_path: Path, capsys) -> None:
    scene = two_faces(tmp_path)
    covering(FAINT[case])(scene, tmp_path)
    assert check(write(scene, tmp_path), capsys) == (0, [])


@pytest.mark.parametrize("tags", [b"garbage!" * 6, b"", b"II*\0\xff\xff\xff\xff", b"MM\0*" + bytes(4), b"Exif\0\0"])
def test_damaged_tags_of_a_picture_are_left_alone(tags: bytes, tmp_path: Path, capsys) -> None:
    scene = two_faces(tmp_path)
    whole = (tmp_path / "two.png").read_bytes()
    (tmp_path / "two.png").write_bytes(whole[:33] + chunk(b"eXIf", tags) + whole[33:])
    assert check(write(scene, tmp_path), capsys) == (0, [])


# --- adapters ----------------------------------------------------------------------------------------------------

Tensors = dict[str, np.ndarray]


def a_tensor(tensors: Tensors, matrix: str) -> str:
    return next(name for name in sorted(tensors) if f".lora_{matrix}." in name)


def replaced(matrix: str, change: Callable[[np.ndarray], np.ndarray | None]) -> Callable[[Tensors, dict], object]:
    def make(tensors: Tensors, metadata: dict) -> None:
        name = a_tensor(tensors, matrix)
        made = change(tensors.pop(name))
        if made is not None:
            tensors[name] = np.ascontiguousarray(made)

    return make


ADAPTERS: dict[str, tuple[Callable[[Tensors, dict], object], str]] = {
    "another rank": (lambda tensors, metadata: metadata.update(rank="4"), "does not fit the model"),
    "no rank": (lambda tensors, metadata: metadata.update(rank="-1"), "impossible things"),
    "a rank of 5,000 digits": (lambda tensors, metadata: metadata.update(rank="9" * 5000), "damaged"),
    "a wide matrix": (replaced("A", lambda m: np.hstack([m, m])), "does not fit the model"),
    "a turned matrix": (replaced("B", np.transpose), "does not fit the model"),
    "a matrix less": (replaced("A", lambda m: None), "does not fit the model"),
    "a matrix of three axes": (replaced("A", lambda m: m[..., None]), "does not fit the model"),
    "not a number": (replaced("A", lambda m: np.full_like(m, np.nan)), "not numbers"),
    "infinite": (replaced("B", lambda m: np.full_like(m, np.inf)), "not numbers"),
    "integers": (replaced("A", lambda m: m.astype(np.int32)), "another type"),
    "a foreign tensor": (lambda tensors, metadata: tensors.update(x=np.zeros(3, np.float32)), "impossible things"),
    "unknown layers": (lambda tensors, metadata: metadata.update(layers='["roof"]'), "impossible things"),
    "layers of another part": (lambda tensors, metadata: metadata.update(layers='["audio.to_qkv"]'), "does not fit"),
    "layers nested deeply": (lambda tensors, metadata: metadata.update(layers="[" * 100_000), "damaged"),
    "no base": (lambda tensors, metadata: metadata.pop("base"), "damaged"),
    "a delivery of words": (lambda tensors, metadata: metadata.update(delivery='{"tempo": "much"}'), "impossible"),
    "escapes in its words": (lambda tensors, metadata: metadata.update(does="\x1b[31m"), "impossible things"),
    "a short voice": (lambda tensors, metadata: tensors.update(voice=np.zeros(9, np.float32)), "does not fit"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound_adapter() -> tuple[Tensors, dict[str, str]]:
    """A shipped adapter of motion as float32, and its metadata."""
    import torch
    from safetensors import safe_open

    path = shipped_adapters()["grand"]
    with safe_open(path, "pt") as file:
        metadata = dict(file.metadata())
        tensors = {key: file.get_tensor(key).to(torch.float32).numpy() for key in file.keys()}  # noqa: SIM118
    return tensors, metadata


@pytest.mark.parametrize("case", ADAPTERS)
def test_adapters(case: str, sound_adapter: tuple[Tensors, dict[str, str]], tmp_path: Path, capsys) -> None:
    change, needle = ADAPTERS[case]
    tensors, metadata = dict(sound_adapter[0]), dict(sound_adapter[1])
    change(tensors, metadata)
    save_file(tensors, tmp_path / "own.safetensors", metadata)
    scene = two_faces(tmp_path)
    scene["cast"][0]["styles"] = {"own.safetensors": 0.5}
    refused(["check", write(scene, tmp_path)], capsys, "own", needle)


def test_the_adapter_that_all_cases_start_from_is_sound(sound_adapter, tmp_path: Path, capsys) -> None:
    save_file(sound_adapter[0], tmp_path / "own.safetensors", sound_adapter[1])
    assert read_about(tmp_path / "own.safetensors").rank == 8 and load_file(tmp_path / "own.safetensors")
    scene = two_faces(tmp_path)
    scene["cast"][0]["styles"] = {"own.safetensors": 0.5}
    assert check(write(scene, tmp_path), capsys) == (0, [])


# --- the check itself --------------------------------------------------------------------------------------------


def test_a_fault_of_the_check_hides_nothing_else(tmp_path: Path, capsys, monkeypatch) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("literal")

    monkeypatch.setattr("studio.validation.scene_check.voice_names", broken)
    scene = two_faces(tmp_path)
    drop("consent")(scene, tmp_path)
    code, sentences = check(write(scene, tmp_path), capsys)
    assert code == 1 and len(sentences) == 2
    assert "fault of the program (KeyError at test_hostile_files.py line" in sentences[0] and "consent" in sentences[1]


def test_a_thousand_faults_are_told_in_fifty_sentences(tmp_path: Path) -> None:
    scene = two_faces(tmp_path)
    scene["script"] = [{"who": "NOBODY", "text": "Hello."} for _ in range(900)]
    problems = check_scene(write(scene, tmp_path)).problems
    assert len(problems) == 51 and isinstance(problems[-1], Problem)
    assert str(problems[-1]) == "scene.yaml: 850 more faults; mend these first."
