"""Writes a scene's performance as a binary glTF file, with its sound beside it: meshes in place of a film's frames."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from generation.core.clock import FPS
from generation.core.motion import BLENDSHAPES, WEIGHTS
from generation.rendering.face_mesh import INTER_OCULAR, FaceMesh, face_mesh, head_places, head_turns
from generation.rendering.gltf import Gltf
from studio.core.output import whole_or_nothing
from studio.core.progress import Status
from studio.export.provenance import SENTENCE
from studio.export.writers import write_sound
from studio.motion.performing import PerformedScene, perform_scene
from studio.production.settings import DEFAULT_SETTINGS, RenderSettings
from studio.validation.scene_check import Report

if TYPE_CHECKING:
    from studio.performance.models import Models

_QUALITY = 92
"""Of the texture, JPEG."""
_MOUTH = [0.05, 0.015, 0.015, 1.0]
"""Colour of what is seen between the lips, linear RGB."""


def write_mesh_film(
    path: Path,
    target: Path,
    settings: RenderSettings = DEFAULT_SETTINGS,
    listener: Callable[[Status], None] = lambda status: None,
    cancelled: Callable[[], bool] = lambda: False,
    models: Models | None = None,
) -> Report:
    """Perform a scene and write everybody's face as a mesh that moves: ``NAME.glb``, and the sound as ``NAME.wav``.

    Arguments, result and errors as of :func:`studio.production.render.render_scene`; no frame is drawn.
    """
    sound = target.with_suffix(".wav")

    def write(made: PerformedScene) -> None:
        with whole_or_nothing(target) as folder:
            mesh_document(made).write(folder / target.name)
            write_sound(made.sound(), folder / sound.name, made.record, signed=True)

    return perform_scene(path, target, write, settings, listener, cancelled, models, [sound.name])


def mesh_document(made: PerformedScene) -> Gltf:
    """Everybody in the picture as a node with a head that turns, a mesh with ARKit's morph targets, and their motion.

    Heads stand as in the picture, the first in the middle of the world; all have eyes 63 mm apart.
    """
    gltf = Gltf(f"Parley {metadata.version('parley')}")
    gltf.document["asset"]["extras"] = {"comment": SENTENCE, "parley": made.record}
    gltf.document["extensionsUsed"] = ["KHR_materials_unlit"]
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    times = gltf.keys(np.arange(made.performance.n_frames) / FPS)
    meshes = [face_mesh(made.assignment.picture, person.face) for person in made.geometry.assigned]
    first = meshes[0]
    tops = []
    for name, mesh, track in zip(made.names, meshes, made.tracks(), strict=True):
        head = gltf.add("nodes", {"name": f"{name} head", "mesh": _mesh(gltf, name, mesh)})
        place = (mesh.centre - first.centre) * [first.unit, -first.unit]
        tops.append(gltf.add("nodes", {"name": name, "children": [head], "translation": [*place.tolist(), 0.0]}))
        for path, output in (
            ("weights", gltf.keys(track.values[:, WEIGHTS])),
            ("rotation", gltf.keys(head_turns(track), "VEC4")),
            ("translation", gltf.keys(head_places(track), "VEC3")),
        ):
            channels.append({"sampler": len(samplers), "target": {"node": head, "path": path}})
            samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    title = made.scene.title
    gltf.add("animations", {"name": title or "performance", "channels": channels, "samplers": samplers})
    gltf.document["scene"] = gltf.add("scenes", {"name": title or "scene", "nodes": tops})
    return gltf


def _mesh(gltf: Gltf, name: str, mesh: FaceMesh) -> int:
    """Skin with the picture, and what is between the lips, over the same points: teeth that it shows, else dark."""
    jpeg = cv2.imencode(".jpg", mesh.texture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    unlit: dict[str, Any] = {"KHR_materials_unlit": {}}
    skin = {
        "name": f"{name} skin",
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": gltf.picture(jpeg, "image/jpeg")},
            "metallicFactor": 0.0,
        },
        "extensions": unlit,  # the light is in the picture
    }
    mouth = {
        "name": f"{name} mouth",
        "pbrMetallicRoughness": {"baseColorFactor": _MOUTH, "metallicFactor": 0.0},
        "extensions": unlit,
    }
    attributes = {
        "POSITION": gltf.vertices(mesh.points),
        "NORMAL": gltf.vertices(mesh.normals),
        "TEXCOORD_0": gltf.vertices(mesh.places, "VEC2"),
    }
    targets = [{"POSITION": gltf.vertices(target)} for target in mesh.targets]
    shown = gltf.add("materials", skin)
    behind = shown if mesh.shows_mouth else gltf.add("materials", mouth)
    parts = [
        {
            "attributes": attributes,
            "indices": gltf.indices(triangles),
            "material": material,
            "targets": targets,
        }
        for triangles, material in ((mesh.skin, shown), (mesh.mouth, behind))
    ]
    named = {"targetNames": list(BLENDSHAPES), "interOcularMetres": INTER_OCULAR}
    return gltf.add("meshes", {"name": name, "primitives": parts, "weights": [0.0] * 51, "extras": named})
