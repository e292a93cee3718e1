"""Reading and writing scene files: YAML or JSON to a :class:`Scene`, every fault found at once and with its line."""

from __future__ import annotations

import copy
import difflib
import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from studio.scene.schema import Character, Keyframe, Retake, Scene, ScriptLine, Voice
from studio.scene.upgrade import VERSION, upgrade_notice, upgrade_scene

MAX_BYTES = 1_000_000
SUFFIXES = (".yaml", ".yml", ".json")
_LEVELS: dict[str, type[BaseModel]] = {"cast": Character, "script": ScriptLine, "voice": Voice, "retakes": Retake,
                                       "keys": Keyframe}  # fmt: skip
_SHAPES = {"dictionary": "keys with values, one a line", "tuple": "a list, each item beginning with a dash",
           "integer": "a whole number"}  # fmt: skip
_NULLS = ("", "~", "null", "Null", "NULL")

Location = tuple[int | str, ...]


class DocumentError(ValueError):
    """A scene file that cannot be used; ``problems`` holds one sentence a fault."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass
class Document:
    """What a scene file says, in the current version.

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
    def notice(self) -> str | None:
        """One sentence where it was upgraded, else None."""
        return None if self.version == VERSION else f"{self.path.name} {upgrade_notice(self.version)}"

    def place(self, location: Location) -> str:
        """``scene.yaml line 7``, or ``scene.yaml`` where no line is known."""
        while location and location not in self.lines:
            location = location[:-1]
        line = self.lines.get(location)
        return f"{self.path.name} line {line}" if line and location else self.path.name


def nearest(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the known word nearest to a wrong one, or a list of the known ones."""
    words = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(word.casefold(), words, n=1, cutoff=0.6)
    if close:
        return f"did you mean {words[close[0]]!r}?"
    return f"known are {', '.join(sorted(words.values()))}." if words else "none is known."


def existing_file(path: Path, what: str) -> str | None:
    """One sentence why a path is not a readable file, or None when it is.

    Args:
        path: the file.
        what: what it is to the reader, such as ``"the picture"``.
    """
    if path.is_dir():
        return f"{what} {path.name!r} is a folder; name a file."
    if path.is_file():
        return None
    siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.7)
    hint = f"did you mean {close[0]!r}?" if close else "check the name; it counts from the scene file's folder."
    return f"{what} {path.name!r} does not exist; {hint}"


def read_document(path: Path) -> Document:
    """The data of a scene file, all YAML scalars as the text they are written in.

    Raises:
        DocumentError: no such file, a folder, another kind of file, not UTF-8, too large, bad YAML or JSON.
    """
    if reason := existing_file(path, "The scene file"):
        raise DocumentError([reason])
    if path.suffix.lower() not in SUFFIXES:
        raise DocumentError([f"The scene file {path.name!r} should end in {', '.join(SUFFIXES)}."])
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError([f"The scene file {path.name!r} is larger than 1 MB; that is no scene."])
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError([f"The scene file {path.name!r} is not UTF-8 text; save it as UTF-8."]) from None
    try:
        document = _from_json(path, text) if path.suffix.lower() == ".json" else _from_yaml(path, text)
    except RecursionError:
        raise DocumentError([f"The scene file {path.name!r} is nested too deeply; four levels are enough."]) from None
    if not isinstance(document.data, dict):
        wanted = "keys such as picture, cast and script"
        found = "is empty" if document.data is None else f"is a {_kind(document.data)}"
        raise DocumentError([f"The scene file {path.name!r} {found}; it should hold {wanted}."])
    return _upgrade(document)


def _upgrade(document: Document) -> Document:
    try:
        upgraded = upgrade_scene(document.data)
    except ValueError as error:
        raise DocumentError([f"{document.place(('version',))}: {error}"]) from None
    lines = document.lines | {now: document.lines[old] for now, old in upgraded.moved.items() if old in document.lines}
    return Document(document.path, upgraded.data, lines, upgraded.version)


def load_scene(path: Path) -> tuple[Document, Scene]:
    """Read and validate a scene file.

    Raises:
        DocumentError: the file or its contents are not a scene; all faults at once.
    """
    document = read_document(path)
    scene, problems = validate(document)
    if scene is None or problems:
        raise DocumentError(problems)
    return document, scene


def dump_scene(scene: Scene) -> str:
    """A scene as YAML; reading it back gives an equal scene."""
    return yaml.safe_dump(scene_data(scene), allow_unicode=True, sort_keys=False, width=110)


def scene_data(scene: Scene) -> dict[str, Any]:
    """A scene as the plain data that its file holds, with the version in which it is written."""
    return {"version": VERSION} | scene.model_dump(mode="json", exclude_defaults=True)


def checked_scene(data: Mapping[str, Any]) -> Scene:
    """Plain data of any version as a scene.

    Raises:
        DocumentError: it is none, in sentences.
    """
    scene, problems = validate(_upgrade(Document(Path("scene"), dict(data))))
    if scene is None or problems:
        raise DocumentError(problems or ["This is no scene."])
    return scene


def validate(document: Document) -> tuple[Scene | None, list[str]]:
    """The scene in a document and all faults of its form.

    Faulty items are left out and the rest is kept, so that later checks can still look at it: a scene may come back
    together with problems.
    """
    data: dict[str, Any] = document.data
    kept = {key: list(range(len(data[key]))) for key in ("cast", "script") if isinstance(data.get(key), list)}
    problems: list[str] = []
    for _ in range(4):
        try:
            return Scene.model_validate(data), problems
        except ValidationError as error:
            faults = error.errors(include_url=False)
        for fault in faults:
            key, *rest = fault["loc"] or ("",)
            original = (key, kept[key][rest[0]], *rest[1:]) if rest and key in kept else fault["loc"]
            problems += _sentences(document, tuple(original), fault)
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
            data.pop(location[0], None)
        parent: Any = data
        for key in location[:-1]:
            parent = parent[key] if isinstance(parent, list) or (isinstance(parent, dict) and key in parent) else None
        needed = location[-1:] in (("name",), ("who",)) or not isinstance(parent, dict) or location[-1] not in parent
        if location[:1] in (("cast",), ("script",)) and len(location) > 1 and needed:
            gone[location[0]].add(location[1])
        elif isinstance(parent, dict):
            parent.pop(location[-1], None)
    for key, indices in gone.items():
        if indices:
            data[key] = [item for i, item in enumerate(data[key]) if i not in indices]
            kept[key] = [original for i, original in enumerate(kept[key]) if i not in indices]
    return {"picture": "", "cast": [], "script": []} | data


def _sentences(document: Document, location: Location, fault: Any) -> list[str]:  # noqa: ANN401
    """What is wrong with one item, in its author's words: where, what, and what to do."""
    place, kind = document.place(location), fault["type"]
    item, parent = _item_name(document.data, location), _item_name(document.data, location[:-1])
    if kind == "extra_forbidden":
        hint = nearest(str(location[-1]), _model_at(location[:-1]).model_fields)
        return [f"{place}: {_join(parent)}unknown key {str(location[-1])!r}; {hint}"]
    if kind == "missing":
        return [f"{place}: {_join(parent)}the key {str(location[-1])!r} is missing; add it."]
    if kind == "value_error":
        return [_said(document, location, item, line) for line in str(fault["ctx"]["error"]).split("\n")]
    if kind == "literal_error":
        hint = nearest(str(fault["input"]), re.findall(r"'([^']*)'", fault["ctx"]["expected"]))
        return [f"{place}: {item} {fault['input']!r} is not known; {hint}"]
    text = fault["msg"].replace("Input should be", "should be")
    text = re.sub(r"a valid (\w+), unable to parse string as an? \w+", r"a valid \1", text)
    text = re.sub(r"a valid (dictionary|tuple|integer).*", lambda m: _SHAPES[m[1]], text).replace("a valid ", "a ")
    return [f"{place}: {item} {text}; it is {_short(fault['input'])}."]


def _said(document: Document, location: Location, item: str, sentence: str) -> str:
    """The sentence of one of our own validators; a screenplay's line number becomes the file's."""
    match = re.match(r"screenplay line (\d+): ", sentence)
    if match is None:
        return f"{document.place(location)}: {item} {sentence}."
    inside = document.lines.get(location)
    number = int(match[1]) + inside if inside and len(location) == 1 else inside
    place = f"{document.path.name} line {number}" if number else f"{document.path.name}, script line {match[1]}"
    return f"{place}: {sentence[match.end() :]}."


def _join(item: str) -> str:
    return f"{item}: " if item else ""


def _item_name(data: Any, location: Location) -> str:  # noqa: ANN401
    """``character 2 (BOB): voice``: an item of the document as its author would call it."""
    if not location:
        return ""
    words = [str(part) for part in location if not isinstance(part, int)]
    if location[0] in ("cast", "script") and len(location) > 1 and isinstance(location[1], int):
        noun, key = ("character", "name") if location[0] == "cast" else ("script line", "who")
        items = data.get(location[0])
        item = items[location[1]] if isinstance(items, list) and location[1] < len(items) else None
        label = item.get(key) if isinstance(item, dict) else None
        if isinstance(item, dict) and noun == "script line" and len(item) == 1:
            label = next(iter(item))
        head = f"{noun} {location[1] + 1}" + (f" ({label})" if label else "")
        return ": ".join([head, *words[1:]])
    return ": ".join(words)


def _model_at(location: Location) -> type[BaseModel]:
    names = [part for part in location if isinstance(part, str) and part in _LEVELS]
    return _LEVELS[names[-1]] if names else Scene


def _short(value: Any) -> str:  # noqa: ANN401
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(data: Any) -> str:  # noqa: ANN401
    return {list: "list", str: "single text"}.get(type(data), type(data).__name__)


def _from_json(path: Path, text: str) -> Document:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in items:
            if key in data:
                raise DocumentError([f"{path.name}: the key {key!r} occurs twice in one item; keep one."])
            data[key] = value
        return data

    try:
        return Document(path, json.loads(text, object_pairs_hook=pairs))
    except json.JSONDecodeError as error:
        raise DocumentError([f"{path.name} line {error.lineno}: not valid JSON: {error.msg}."]) from None


def _from_yaml(path: Path, text: str) -> Document:
    document = Document(path, {})
    try:
        root = yaml.compose(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path.name} line {mark.line + 1}" if mark else path.name
        raise DocumentError([f"{place}: not valid YAML: {error.problem or error.context}."]) from None
    except yaml.YAMLError as error:
        raise DocumentError([f"{path.name}: not valid YAML: {str(error).splitlines()[0]}."]) from None
    document.data = None if root is None else _construct(document, root, ())
    return document


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: an alias can blow a small file up to any size, and a scene has no use for it."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem=f"aliases (*{event.anchor}) are not allowed; write the text out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def _construct(document: Document, node: yaml.Node, location: Location) -> Any:  # noqa: ANN401
    document.lines[location] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        # Every plain scalar stays the text it is: "No", "12" or "1e5" may be what somebody says.
        return None if node.style is None and node.value in _NULLS else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_construct(document, item, (*location, i)) for i, item in enumerate(node.value)]
    data: dict[str, Any] = {}
    for key_node, value_node in typing.cast("yaml.MappingNode", node).value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise DocumentError([f"{document.path.name} line {line}: a key should be a word, not a list or a mapping."])
        key = key_node.value
        if key in data:
            raise DocumentError([f"{document.path.name} line {line}: the key {key!r} occurs twice; keep one."])
        data[key] = _construct(document, value_node, (*location, key))
        document.lines[(*location, key)] = line
    return data
