"""Public names use the field's words: none holds a word that the project once used in place of a standard term."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import MODULES, SCRIPTS, nodes, relative, tree

REPLACED = {
    "teach": "fine-tune, train", "teaches": "fine-tune, train", "teaching": "fine-tuning", "taught": "trained on",
    "lesson": "fine-tuning job", "lessons": "fine-tuning jobs", "learn": "train, calibrate", "learnt": "trained",
    "learned": "trained", "student": "trainable model", "habit": "delivery", "habits": "delivery", "manner": "style",
    "manners": "style", "shelf": "shipped adapters",
    "hear": "listener conditioning, line audio", "hears": "listener conditioning", "hearing": "listener conditioning",
    "watch": "track, observe", "watcher": "observer", "watching": "tracking", "alike": "cloned, same",
    "likeness": "voice cloning", "tone": "timbre", "standard": "normalizer", "vector": "speaker embedding",
    "rhythm": "duration", "rhythms": "durations", "sharpened": "post-filter", "ripples": "harmonics",
    "examples": "dataset, batches", "material": "training clips", "deepening": "depth up-scaling",
    "contest": "adversarial training", "seat": "assigned face", "seats": "assigned faces", "seating": "scene geometry",
    "casting": "face assignment", "placing": "cast edits", "looks": "gaze targets", "aims": "gaze targets",
    "averted": "gaze aversion", "drives": "mesh controls", "surface": "compositing", "reel": "segment cache",
    "reels": "segment cache", "stretch": "segment", "stretches": "segments", "piece": "segment",
    "pieces": "segments", "workshop": "worker", "shop": "worker state", "urgency": "priority",
    "ticket": "queue entry", "readying": "set-up", "aside": "executor", "undivided": "single-threaded",
    "promise": "deferred import", "promises": "deferred imports", "membership": "routing weights",
    "few": "distilled sampler", "again": "retake, retry", "moves": "motion", "audition": "voice preview",
}  # fmt: skip
"""What a word is called in the field: CONTRIBUTING.md asks for one standard term per thing."""

FAIR = {
    "HearLine": "the page's button is labelled so, and so is the message that the browser sends",
    "run_hear": "runs the job kind `hear`, a name that queued jobs on disk hold",
    "hears": "whether a video model takes sound as input: what the model does, not what a listener is told",
    "student": "knowledge distillation's own term, beside the teacher",
    "looks": "a key of scene files and the check of it: it says where somebody looks, in the words of the script",
    "tone": "the lightness of a drawn skin",
    "moves": "a yes or no about one frame: whether the eye or the footprint moves in it",
    "again": "the button that runs a job a second time",
    "piece": "a key of takes.json in projects on disk, and parts of a clip before they are known to be of use",
    "pieces": "the same, several",
    "Piece": "a part of a picture that is put together for a test of the check",
    "stretch": "how far a struck string's partials lie apart, acoustics' own word",
    "LEARNED": "the channels whose displacement a regression finds, as statistics says it",
}
"""Names that keep such a word, and why."""

SHARED = {
    "Batch": "each training has batches of its own kind",
    "Caption": "a caption of a file that is read, and one of a file that is written",
    "Finding": "what `parley doctor` found of a part, and what is worth a look in a recording",
    "Line": "a line as the pipeline takes it, and a line of a script in another format",
    "Order": "a batch's order for its processes, and a motion job's for its line",
}
"""Classes of the same name in two modules, and what each is."""


def _words(name: str) -> set[str]:
    """The words of a name in snake, camel or kebab case, in small letters."""
    return set(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()))


def _options(call: ast.Call) -> Iterator[str]:
    """Options and commands that a call adds to a parser of the command line."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("add_argument", "add_parser"):
        texts = (a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
        yield from (text.lstrip("-") for text in texts)


def _parameters(function: ast.FunctionDef) -> Iterator[str]:
    return (a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs))


def _names(path: Path) -> Iterator[str]:
    """Names of a module that others see: its own, classes, fields, functions with parameters, constants, options."""
    yield path.stem
    for node in tree(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
    for node in nodes(path):
        if isinstance(node, ast.ClassDef):
            yield node.name
            yield from (
                n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
            )
        elif isinstance(node, ast.FunctionDef):
            yield node.name
            yield from () if node.name.startswith("_") and node.name != "__init__" else _parameters(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Call):
            yield from _options(node)


def _public(path: Path) -> set[str]:
    return {name for name in _names(path) if not name.startswith("_")}


def test_public_names_use_the_fields_words() -> None:
    found = {
        f"{relative(path)}: {name}": {word: REPLACED[word] for word in _words(name) & REPLACED.keys()}
        for path in [*MODULES, *SCRIPTS]
        for name in _public(path) - FAIR.keys()
    }
    assert {name: terms for name, terms in found.items() if terms} == {}


def test_exceptions_are_needed() -> None:
    names = set().union(*(_public(path) for path in [*MODULES, *SCRIPTS]))
    assert [name for name in FAIR if name not in names or not _words(name) & REPLACED.keys()] == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("class MannerFile:\n    habits: str", {"MannerFile", "habits"}),
        ("def save(taught, *, by): ...", {"save", "taught", "by"}),
        ("class A:\n    def __init__(self):\n        self.standard = 1", {"A", "__init__", "self", "standard"}),
        ("parser.add_argument('-s', '--shelf')", {"s", "shelf"}),
        ("SEATS = 3", {"SEATS"}),
    ],
)
def test_names_of_every_kind_are_seen(code: str, names: set[str], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(code, encoding="utf-8")
    assert set(_names(path)) == {"module", *names}


def test_one_name_means_one_thing() -> None:
    """No two modules of the packages define a public class of the same name; functions are read with their module's."""
    homes = defaultdict(list)
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(relative(path))
    assert {name for name, paths in homes.items() if len(paths) > 1} == SHARED.keys()
