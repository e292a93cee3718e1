"""The rooms: which may import which, no circle of files, and no room too full to look through."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sources import MODULES, SCRIPTS, module_name, nodes

MOST_FILES = 12
GENERATION = {
    "core": "",
    "video": "core",
    "text.rules": "core",
    "text": "core text.rules",
    "audio": "core",
    "recordings": "core audio",
    "motion.behaviour": "core",
    "singing": "core audio text",
    "motion": "core audio text video motion.behaviour",
    "models": "core audio text",
    "metrics": "core audio motion",
    "adapters": "core models",
    "rendering.imaging": "core",
    "rendering.mouth": "core motion rendering.imaging",
    "rendering": "core motion rendering.imaging rendering.mouth",
    "dubbing": "core motion rendering rendering.imaging rendering.mouth video",
    "pipeline": "core audio recordings text motion models adapters",
    "backbones": "core audio pipeline",
    "voices": "core audio recordings text singing models pipeline",
    "data": "core audio text motion models",
    "training": "core audio recordings text motion models adapters pipeline voices data",
    "labels": "core audio text motion models data training",
    "finetuning": "core audio text motion models metrics adapters pipeline voices data training",
}
"""The rooms of generation, each with the rooms whose modules it may import."""

STUDIO = {
    "core": "",
    "server": "core",
    "widgets": "core",
    "acting": "core",
    "scene": "core acting",
    "formats": "core acting scene",
    "splitting": "core acting scene formats",
    "timeline": "core acting scene",
    "cast": "core acting scene",
    "validation": "core acting scene timeline cast",
    "export": "core acting scene timeline",
    "project": "core acting scene export",
    "performance": "core acting scene timeline cast export project",
    "dubbing": "core acting scene timeline cast",
    "production": "core acting scene timeline cast export project performance validation dubbing",
    "jobs": "core acting scene timeline cast export project performance validation production",
    "motion": "core acting scene timeline cast export project performance validation production",
    "workbench": "core acting scene timeline cast export project performance",
    "batch": "core acting scene timeline cast export project performance validation production",
    "service": "core server acting scene timeline cast export project performance validation production jobs",
    "editor": "core acting scene formats timeline cast export project performance validation production jobs",
    "editing": "core acting scene formats timeline cast export project performance validation production jobs editor",
    "views": (
        "core acting scene formats timeline cast export project performance validation production jobs editor editing "
        "widgets"
    ),
}
"""The same for the studio; its files outside the rooms (the entry points) may import any."""

LEARNING = ("data", "training", "labels", "finetuning")
"""Rooms of generation that making a film has no need of: the studio leaves them alone, but for ``FINETUNES``."""
FINETUNES = ("jobs",)
SEES_MASKS = tuple(
    f"generation.{n}"
    for n in ("motion", "rendering", "rendering.imaging", "rendering.mouth", "dubbing", "labels", "backbones")
)

KNOWN_CIRCLES: list[list[str]] = []
"""Circles that are still to be cut."""


def _allowed() -> dict[str, set[str]]:
    """Every room with the rooms that it may import, its own left out."""
    generation = {
        f"generation.{name}": {f"generation.{n}" for n in names.split()} for name, names in GENERATION.items()
    }
    for name in SEES_MASKS:
        generation[name] |= {"masks", "masks.tracking"}
    product = {name for name in generation if name.removeprefix("generation.") not in LEARNING}
    product |= {"masks", "masks.files", "masks.tracking"}
    studio = {f"studio.{name}": {f"studio.{n}" for n in names.split()} | product for name, names in STUDIO.items()}
    for name in FINETUNES:
        studio[f"studio.{name}"].add("generation.finetuning")
    masks: dict[str, set[str]] = {"masks.files": set(), "masks": {"masks.files"}, "masks.tracking": {"masks"}}
    return {**masks, **generation, "generation": set(generation), **studio}


def _room(module: str, rooms: Mapping[str, object]) -> str:
    """The innermost room that the module lies in; modules outside the rooms are their own."""
    parts = module.split(".")
    return next((".".join(parts[:n]) for n in range(len(parts), 1, -1) if ".".join(parts[:n]) in rooms), parts[0])


def _targets(path: Path, known: set[str]) -> Iterator[str]:
    """Our modules that a file imports anywhere: at its top, in functions, for types alone, or through importlib."""
    for node in nodes(path):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else str(node.module) for name in within]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant)]
        yield from (name for name in names if name in known)


def _graph() -> dict[str, set[str]]:
    paths = {module_name(path): path for path in [*MODULES, *SCRIPTS]}
    return {name: set(_targets(path, set(paths))) - {name} for name, path in paths.items()}


def _circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (nodes that reach themselves through others)."""
    reached = {}
    for start in graph:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            if (name := todo.pop()) not in seen:
                seen.add(name)
                todo.extend(graph[name])
        reached[start] = seen
    groups = {tuple(sorted(b for b in reached[a] if a in reached[b])) for a in graph if a in reached[a]}
    return [list(group) for group in sorted(groups)]


def _wrong_arrows(graph: Mapping[str, set[str]]) -> set[str]:
    allowed = _allowed()
    wrong = set()
    for module, targets in graph.items():
        room = _room(module, allowed)
        for target in targets:
            other = _room(target, allowed)
            entry_point = room == "studio" and other != "scripts"
            if not (entry_point or room in ("scripts", other) or other in allowed.get(room, set())):
                wrong.add(f"{module} -> {target}")
    return wrong


def test_rooms_import_only_what_they_may() -> None:
    assert sorted(_wrong_arrows(_graph())) == []


def test_allowed_arrows_form_no_circle() -> None:
    assert _circles(_allowed()) == []


def test_no_files_import_in_a_circle() -> None:
    assert [circle for circle in _circles(_graph()) if circle not in KNOWN_CIRCLES] == []


def test_every_room_is_in_the_table() -> None:
    folders = {module_name(p.parent / "__init__.py") for p in MODULES if p.parent.name not in ("studio", "generation")}
    assert sorted(folders - set(_allowed())) == []


def test_rooms_are_not_overfull() -> None:
    rooms = Counter(path.parent for path in [*MODULES, *SCRIPTS] if path.name != "__init__.py")
    assert {module_name(room / "__init__.py"): n for room, n in rooms.items() if n > MOST_FILES} == {}


@pytest.mark.parametrize(
    ("module", "target", "fine"),
    [
        ("generation.text.phonemizer", "generation.core.assets", True),
        ("generation.text.phonemizer", "generation.audio.mel", False),
        ("generation.core.assets", "generation", False),
        ("generation", "generation.rendering.renderer", True),
        ("generation.rendering.mouth.layers", "generation.rendering.face", False),
        ("generation.models.vocoder", "studio.core.storage", False),
        ("masks.regions", "generation.core.assets", False),
        ("studio.views.script", "generation.finetuning.report", False),
        ("studio.jobs.worker", "generation.finetuning.report", True),
        ("studio.jobs.worker", "studio.views.script", False),
        ("studio.cli", "studio.jobs.queue", True),
        ("studio.batch.run", "studio.jobs.queue", False),
        ("studio.scene.schema", "studio.cli", False),
        ("studio.cli", "scripts.train", False),
        ("scripts.train", "generation.training.trainer", True),
    ],
)
def test_arrows_are_told_apart(module: str, target: str, fine: bool) -> None:
    assert (_wrong_arrows({module: {target}}) == set()) is fine


def test_circles_are_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
