"""Reads and writes scene files (YAML or JSON); reports every fault at once, with its line."""

from __future__ import annotations

import copy
import json
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from masks.files.plain_yaml import MOST_DEPTH, MOST_ITEMS, PlainYamlError, read_plain_yaml
from studio.acting.marks import Curve, Gaze, Keyframe, Pause, Retake
from studio.core.messages import existing_file, nearest, shortened, unwritable
from studio.core.problems import DocumentError, Location, Part, Problem
from studio.core.storage import utf8_text
from studio.scene.region_points import TimedRegion
from studio.scene.schema import PLACELESS, Character, FaceMotion, Scene, ScriptLine, Voice
from studio.scene.screenplay import ScreenplayError
from studio.scene.upgrade import VERSION, upgrade_notice, upgrade_scene

MAX_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml", ".json")
_LEVELS: dict[str, type[BaseModel]] = {"cast": Character, "script": ScriptLine, "voice": Voice, "retakes": Retake,
                                       "keys": Keyframe, "regions": TimedRegion, "motion": FaceMotion,
                                       "curves": Curve, "gazes": Gaze, "pauses": Pause}  # fmt: skip
_SHOULD = {
    "dict_type": "be keys with values, one a line",
    "model_type": "be keys with values, one a line",
    "tuple_type": "be a list, each item beginning with a dash",
    "string_type": "be text",
    "bool_type": "be true or false",
    "bool_parsing": "be true or false",
    "int_type": "be a whole number",
    "int_parsing": "be a whole number",
    "int_parsing_size": "be a smaller number",
    "int_from_float": "be a whole number",
    "float_type": "be a number",
    "float_parsing": "be a number",
    "finite_number": "be a finite number",
    "greater_than": "be greater than {gt:g}",
    "greater_than_equal": "be greater than or equal to {ge:g}",
    "less_than": "be less than {lt:g}",
    "less_than_equal": "be less than or equal to {le:g}",
    "string_too_long": "have at most {max_length} letters",
    "too_long": "have at most {max_length} items",
}
"""What an item should be, by the kind of pydantic's error."""
_LEVELS_OF_CHECKS = 4

_PARTS: dict[str, Part] = {"consent": "permission", "statement": "permission", "cast": "cast", "script": "script",
                           "lexicon": "script", "picture": "picture", "rig": "picture"}  # fmt: skip
MOST_PROBLEMS = 50
"""Faults that are told one by one."""


def part_of(location: Location) -> Part:
    """The part of the work to which an item of a scene belongs."""
    if location[:1] == ("cast",) and "voice" in location:
        return "voices"
    if location[:1] == ("cast",) and any(key in location for key in PLACELESS):
        return "picture"
    return _PARTS.get(str(location[0]), "file") if location else "file"


@dataclass
class Document:
    """Contents of a scene file, in the current version.

    Attributes:
        path: the file; relative names start in its folder.
        data: its contents as plain data.
        lines: line of the file, from 1, in which each item stands.
        version: the version in which it is written.
    """

    path: Path
    data: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)
    version: int = VERSION

    @property
    def notice(self) -> Problem | None:
        """What is to be said where it was upgraded, else None."""
        if self.version == VERSION:
            return None
        return self.problem(("version",), f"the scene {upgrade_notice(self.version)}")

    def problem(self, location: Location, what: str, repair: str = "", part: Part | None = None) -> Problem:
        """A problem of an item of the document, with the line of the file in which it stands."""
        line = self.line_of(location)
        return Problem(part or part_of(location), what, repair, location, self.path.name, line)

    def line_of(self, location: Location) -> int | None:
        """Line of an item, or of what it stands in; None where none is known."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines[location] if location else None


def read_document(path: Path) -> Document:
    """The data of a scene file, all YAML scalars as the text they are written in.

    Raises:
        DocumentError: no such file, a folder, another kind of file, not UTF-8, too large, bad YAML or JSON.
    """
    if reason := existing_file(path, "the scene file"):
        raise _unreadable(reason)
    name = f"the scene file {path.name!r}"
    if path.suffix.lower() not in SUFFIXES:
        hint = f"make a scene of a script by parley import {path.name} -o scene.yaml" if _is_script(path) else ""
        raise _unreadable(f"{name} should end in {', '.join(SUFFIXES)}", hint)
    if path.stat().st_size > MAX_BYTES:
        raise _unreadable(f"{name} is larger than 1 MB", "that is no scene")
    try:
        text = utf8_text(path.read_bytes(), path.name)
    except OSError as error:
        raise _unreadable(f"{name} cannot be read ({error.strerror})", "check its permissions and the disk") from None
    try:
        document = _from_json(path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    except RecursionError:
        raise _unreadable(f"{name} is nested too deeply", "four levels are enough") from None
    if not isinstance(document.data, dict):
        found = "is empty" if document.data is None else f"is a {_kind(document.data)}"
        raise _unreadable(f"{name} {found}", "it should hold keys such as picture, cast and script")
    return _prepared(document)


def _is_script(path: Path) -> bool:
    return path.suffix.lower() in (".fountain", ".txt", ".srt", ".vtt", ".csv", ".tsv")


def _unreadable(what: str, repair: str = "", path: Path | None = None, line: int | None = None) -> DocumentError:
    return DocumentError([Problem("file", what, repair, (), path.name if path else "", line)])


def _prepared(document: Document) -> Document:
    """The document in the current version.

    Raises:
        DocumentError: a version that is not known, or text that cannot be written.
    """
    faults = [
        document.problem(location, f"{_join(_item_name(document.data, location))}the text holds {named}", "remove it")
        for location, text in _texts(document.data, ())
        if (named := unwritable(text))
    ]
    if faults:
        raise DocumentError(at_most(faults))
    try:
        upgraded = upgrade_scene(document.data)
    except ValueError as error:
        raise DocumentError([document.problem(("version",), str(error))]) from None
    lines = document.lines | {now: document.lines[old] for now, old in upgraded.moved.items() if old in document.lines}
    return Document(document.path, upgraded.data, lines, upgraded.version)


def _texts(data: Any, location: Location) -> Iterator[tuple[Location, str]]:  # noqa: ANN401 - any plain value
    """Every text and key of plain data with its place; a key's is that of its mapping."""
    if isinstance(data, str):
        yield location, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield location, key
            yield from _texts(value, (*location, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*location, index))


def at_most(problems: Sequence[Problem], most: int = MOST_PROBLEMS) -> list[Problem]:
    """The first problems, and how many there are besides."""
    if len(problems) <= most:
        return list(problems)
    more = f"{len(problems) - most} more faults"
    return [*problems[:most], Problem("file", more, "mend these first", (), problems[0].file)]


def load_scene(path: Path) -> Scene:
    """Read and validate a scene file.

    Raises:
        DocumentError: the file or its contents are not a scene; all faults at once.
    """
    scene, problems = validate(read_document(path))
    if scene is None or problems:
        raise DocumentError(problems)
    return scene


def dump_scene(scene: Scene) -> str:
    """A scene as YAML; reading it back gives an equal scene."""
    return yaml.safe_dump(scene_data(scene), allow_unicode=True, sort_keys=False, width=110)


def scene_data(scene: Scene) -> dict[str, Any]:
    """A scene as the plain data that its file holds, with the version in which it is written."""
    return {"version": VERSION} | scene.model_dump(mode="json", exclude_defaults=True, by_alias=True)


def checked_scene(data: Mapping[str, Any]) -> Scene:
    """Plain data of any version as a scene.

    Raises:
        DocumentError: it is none, in sentences.
    """
    scene, problems = validate(_prepared(Document(Path("scene"), dict(data))))
    if scene is None or problems:
        raise DocumentError(problems or [Problem("file", "this is no scene")])
    return scene


def validate(document: Document) -> tuple[Scene | None, list[Problem]]:
    """The scene in a document and all faults of its form.

    Faulty items are left out and the rest is kept, so that later checks can still look at it: a scene may come back
    together with problems.
    """
    data: dict[str, Any] = document.data
    kept = {key: list(range(len(data[key]))) for key in ("cast", "script") if isinstance(data.get(key), list)}
    problems: list[Problem] = []
    removed: set[Location] = set()
    # A scene, a line or a voice tells what is wrong with it as a whole only when each of its items is right.
    for _ in range(_LEVELS_OF_CHECKS):
        try:
            return Scene.model_validate(data), problems
        except ValidationError as error:
            faults = error.errors(include_url=False)
        for fault in faults[:MOST_PROBLEMS]:
            key, *rest = fault["loc"] or ("",)
            listed = kept[str(key)] if rest and key in kept else None
            original = tuple(fault["loc"] if listed is None else (key, listed[int(rest[0])], *rest[1:]))
            # what is said of an item that lacks what was taken from it would be no fault of its author
            if not any(gone[: len(original)] == original for gone in removed):
                problems += _problems(document, original, fault)
            removed.add(original)
        if len(faults) > MOST_PROBLEMS:
            problems.append(document.problem((), f"{len(faults) - MOST_PROBLEMS} more faults", "mend these first"))
        data = _without(data, [tuple(fault["loc"]) for fault in faults], kept)
    return None, problems


def _without(data: dict[str, Any], faulty: Sequence[Location], kept: dict[str, list[int]]) -> dict[str, Any]:
    """A copy of the data without the faulty items; ``kept`` keeps the original index of each remaining list item.

    An optional key goes alone; a list item that misses a needed key goes as a whole; the scene's own needed keys are
    set to empty values.
    """
    data = copy.deepcopy(data)
    gone: dict[str, set[int]] = {"cast": set(), "script": set()}
    for location in faulty:
        if len(location) == 1:
            data.pop(str(location[0]), None)
        parent: Any = data
        for part in location[:-1]:
            if isinstance(parent, list) and isinstance(part, int):
                parent = parent[part]
            else:
                parent = parent.get(part) if isinstance(parent, dict) else None
        needed = location[-1:] in (("name",), ("who",)) or not isinstance(parent, dict) or location[-1] not in parent
        if location[:1] in (("cast",), ("script",)) and len(location) > 1 and needed:
            gone[str(location[0])].add(int(location[1]))
        elif isinstance(parent, dict):
            parent.pop(location[-1], None)
    for key, indices in gone.items():
        if indices:
            data[key] = [item for i, item in enumerate(data[key]) if i not in indices]
            kept[key] = [original for i, original in enumerate(kept[key]) if i not in indices]
    return {"picture": "", "cast": [], "script": []} | data


def _problems(document: Document, location: Location, fault: Any) -> list[Problem]:  # noqa: ANN401
    """What is wrong with one item, in its author's words."""
    kind, context, key = fault["type"], fault.get("ctx", {}), str(location[-1]) if location else ""
    item, parent = _item_name(document.data, location), _item_name(document.data, location[:-1])
    if kind == "extra_forbidden":
        known = _model_at(location[:-1]).model_fields
        repair = nearest(key, [field.alias or name for name, field in known.items()])
        return [document.problem(location, f"{_join(parent)}unknown key {shortened(key)}", repair)]
    if kind == "missing":
        return [document.problem(location, f"{_join(parent)}the key {key!r} is missing", "add it")]
    if kind == "value_error" and isinstance(error := context["error"], ScreenplayError):
        return [_screenplay_problem(document, location, *told) for told in error.faults]
    if kind == "value_error":
        return [document.problem(location, f"{item} {context['error']}")]
    if kind == "literal_error":
        known_field = _model_at(location[:-1]).model_fields.get(key)
        repair = nearest(str(fault["input"]), _choices(known_field.annotation) if known_field else ())
        return [document.problem(location, f"{item} {shortened(fault['input'])} is not known", repair)]
    should = _SHOULD[kind].format(**context) if kind in _SHOULD else "should be of another kind"
    return [document.problem(location, f"{item} should {should}", f"it is {shortened(fault['input'])}")]


def _screenplay_problem(document: Document, location: Location, number: int, clause: str) -> Problem:
    """A fault of a screenplay's line, whose number becomes the file's where the screenplay stands in the file."""
    problem = document.problem(location, clause, part="script")
    if problem.line is None:
        return replace(problem, what=f"script line {number}: {clause}")
    return replace(problem, line=problem.line + number) if len(location) == 1 else problem


def _choices(annotation: Any) -> list[str]:  # noqa: ANN401
    """The words that a type allows."""
    inner = typing.get_args(annotation)
    return [word for part in inner for word in ([part] if isinstance(part, str) else _choices(part))]


def _join(item: str) -> str:
    return f"{item}: " if item else ""


def _item_name(data: Any, location: Location) -> str:  # noqa: ANN401
    """``character 2 (BOB): voice``: an item of the document as its author would call it."""
    if not location:
        return ""
    words = [str(part)[:60] for part in location if not isinstance(part, int)]
    if location[0] in ("cast", "script") and len(location) > 1 and isinstance(location[1], int):
        noun, key = ("character", "name") if location[0] == "cast" else ("script line", "who")
        items = data.get(location[0])
        item = items[location[1]] if isinstance(items, list) and location[1] < len(items) else None
        label = item.get(key) if isinstance(item, dict) else None
        label = " + ".join(map(str, label)) if isinstance(label, list) else label
        if isinstance(item, dict) and noun == "script line" and len(item) == 1:
            label = next(iter(item))
        head = f"{noun} {location[1] + 1}" + (f" ({str(label)[:60]})" if label else "")
        return ": ".join([head, *words[1:]])
    return ": ".join(words)


def _model_at(location: Location) -> type[BaseModel]:
    names = [part for part in location if isinstance(part, str) and part in _LEVELS]
    return _LEVELS[names[-1]] if names else Scene


def _kind(data: Any) -> str:  # noqa: ANN401
    return "list" if type(data) is list else "single text" if type(data) is str else type(data).__name__


def _from_json(path: Path, text: str) -> Document:
    n_items = 0

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in items:
            if key in data:
                raise _unreadable(f"the key {shortened(key)} occurs twice in one item", "keep one", path)
            data[key] = value
        return data

    def count(data: Any, depth: int) -> None:  # noqa: ANN401 - any plain value
        nonlocal n_items
        n_items += 1
        if n_items > MOST_ITEMS:
            raise _unreadable(f"more than {MOST_ITEMS} items", "split the file", path)
        if depth > MOST_DEPTH:
            raise RecursionError
        for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
            count(value, depth + 1)

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        raise _unreadable(f"not valid JSON: {error.msg}", path=path, line=error.lineno) from None
    count(data, 0)
    return Document(path, data)


def _whole_number(digits: str) -> int | float:
    """A number of JSON; Python refuses very long ones, and no key takes one."""
    return int(digits) if len(digits) <= 30 else float(digits)


def _from_yaml(path: Path, text: str) -> Document:
    try:
        data, lines = read_plain_yaml(text)
    except PlainYamlError as error:
        raise _unreadable(error.what, error.repair, path, error.line) from None
    return Document(path, data, lines)  # any kind of item; what is no mapping is refused next
