"""The ComfyUI node pack against a stub of ComfyUI's interface, asking the service in this process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import soundfile
import torch
import yaml
from job_fixtures import work
from service_fixtures import browser_of, picture, scene
from sources import imports, tree

from studio.project.projects import Projects
from studio.service import client as client_module
from studio.service import films as service
from studio.service.films import FilmService

ROOT = Path(__file__).resolve().parents[3]
KNOWN_TYPES = {"STRING", "INT", "FLOAT", "BOOLEAN", "IMAGE", "AUDIO", "VIDEO"}
IMAGE = torch.from_numpy(cv2.imdecode(np.frombuffer(picture(), np.uint8), 1)[None, ..., ::-1] / np.float32(255))
TEXT = yaml.safe_dump(scene(picture="picture.png"))


class Interrupted(BaseException):
    """What ComfyUI raises where its queue was stopped."""


class ComfyUI:
    """The part of ComfyUI that nodes see: modules, progress, interruption, and how it calls a node."""

    def __init__(self, output: Path) -> None:
        self.output, self.percent, self.stopped = output, [], False

    def modules(self) -> dict[str, Any]:
        bar = SimpleNamespace(update_absolute=lambda value, total: self.percent.append(value))
        video = SimpleNamespace(VideoFromFile=lambda path: SimpleNamespace(path=path))
        return {
            "comfy": ModuleType("comfy"),
            "comfy.utils": SimpleNamespace(ProgressBar=lambda total: bar),
            "comfy.model_management": SimpleNamespace(throw_exception_if_processing_interrupted=self.interrupt),
            "comfy_api": ModuleType("comfy_api"),
            "comfy_api.latest": SimpleNamespace(InputImpl=video),
            "folder_paths": SimpleNamespace(get_output_directory=lambda: str(self.output)),
        }

    def interrupt(self) -> None:
        if self.stopped:
            raise Interrupted

    def run(self, node: type, **given: Any) -> tuple[Any, ...]:
        """Fill in defaults, refuse inputs that the node has not, and call its function as ComfyUI does."""
        inputs = node.INPUT_TYPES()
        known = {**inputs["required"], **inputs.get("optional", {})}
        assert given.keys() <= known.keys()
        defaults = {name: kind[1]["default"] for name, kind in inputs["required"].items()}
        results = getattr(node(), node.FUNCTION)(**{**defaults, **given})
        assert isinstance(results, tuple) and len(results) == len(node.RETURN_TYPES)
        return results


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComfyUI:
    stub = ComfyUI(tmp_path)
    for name, module in stub.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return stub


@pytest.fixture
def nodes(comfyui: ComfyUI, projects: Projects, tiny_worker: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """The pack, loaded from its folder as ComfyUI loads custom nodes, by the names of the nodes."""
    monkeypatch.setattr(service, "ensure_worker", lambda root: None if comfyui.stopped else work(projects))
    http = browser_of(FilmService(projects))
    monkeypatch.setattr(client_module.httpx2, "Client", lambda **_: http)
    folder = ROOT / "integrations" / "comfyui"
    places = {"submodule_search_locations": [str(folder)]}
    spec = importlib.util.spec_from_file_location("parley_nodes", folder / "__init__.py", **places)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "parley_nodes", module)
    spec.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "parley_nodes.nodes")
    assert module.NODE_DISPLAY_NAME_MAPPINGS.keys() == module.NODE_CLASS_MAPPINGS.keys()
    return module.NODE_CLASS_MAPPINGS


def test_nodes_have_the_form_that_comfyui_reads(nodes: dict[str, type]) -> None:
    assert list(nodes) == ["ParleyCheck", "ParleySay", "ParleyRender"]
    for node in nodes.values():
        inputs = node.INPUT_TYPES()
        kinds = [kind[0] for group in inputs.values() for kind in group.values()]
        assert {*kinds, *node.RETURN_TYPES} <= KNOWN_TYPES and inputs.keys() <= {"required", "optional"}
        assert node.CATEGORY == "Parley" and callable(getattr(node, node.FUNCTION))
        assert len(node.RETURN_NAMES) == len(node.RETURN_TYPES)
        assert not {"token", "address", "server"} & {name for group in inputs.values() for name in group}


def test_a_scene_is_checked(comfyui: ComfyUI, nodes: dict[str, type]) -> None:
    assert comfyui.run(nodes["ParleyCheck"], picture=IMAGE)[0] is True
    ok, report = comfyui.run(nodes["ParleyCheck"], scene=TEXT.replace("cast", "caste"))
    assert not ok and "unknown key 'caste'" in report.lower()


def test_a_line_is_said_as_sound(comfyui: ComfyUI, nodes: dict[str, type]) -> None:
    (speech,) = comfyui.run(nodes["ParleySay"], text="One.", speed=1.5)
    (path,) = comfyui.output.glob("parley-*.wav")
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert speech["sample_rate"] == rate == 24_000 and speech["waveform"].dtype == torch.float32
    np.testing.assert_allclose(speech["waveform"].numpy(), samples.T[None], atol=1e-6)
    assert comfyui.percent[-1] == 100
    with pytest.raises(client_module.ServiceRefusal, match="known are Alice"):
        comfyui.run(nodes["ParleySay"], voice="Zoe")


@pytest.mark.slow
def test_a_film_is_rendered_and_lies_in_the_outputs(comfyui: ComfyUI, nodes: dict[str, type]) -> None:
    film, path = comfyui.run(nodes["ParleyRender"], scene=TEXT, height=96, picture=IMAGE)
    assert film.path == path and Path(path).parent == comfyui.output
    assert cv2.VideoCapture(path).get(cv2.CAP_PROP_FRAME_HEIGHT) == 96


def test_a_stopped_queue_cancels_the_job(comfyui: ComfyUI, nodes: dict[str, type], projects: Projects) -> None:
    comfyui.stopped = True
    with pytest.raises(Interrupted):
        comfyui.run(nodes["ParleyRender"], scene=TEXT, picture=IMAGE)
    (folder,) = projects.root.glob("*/jobs/*")
    assert (folder / "cancel").exists()


def test_the_client_needs_nothing_of_parley() -> None:
    needed = {name.split(".")[0] for name in imports(tree(ROOT / "studio/service/client.py"), everywhere=True)}
    assert needed - sys.stdlib_module_names == {"httpx2"}
