"""Writes a scene's performance as a binary glTF file, with its sound beside it: meshes in place of a film's frames."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from generation.audio.loudness import mix_performance
from generation.core.clock import FPS
from generation.core.motion import BLENDSHAPES, WEIGHTS, MotionTrack
from generation.core.performance import StoredPerformance
from generation.rendering.face_mesh import INTER_OCULAR, FaceMesh, face_mesh, head_places, head_turns
from generation.rendering.gltf import Gltf
from studio.cast.face_assignment import FaceAssignment
from studio.cast.geometry import SceneGeometry
from studio.core.output import whole_or_nothing
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage, Status
from studio.export.provenance import SENTENCE
from studio.export.writers import write_sound
from studio.production.render import checked_for, film_record
from studio.production.scene_drawing import scaled_motion
from studio.production.settings import DEFAULT_SETTINGS, RenderSettings, expected_stage_seconds
from studio.production.setup import set_up
from studio.scene.schema import Scene
from studio.validation.scene_check import Report

if TYPE_CHECKING:
    from studio.performance.models import Models

STAGES = ("check", "load models", "speech and motion", "encoding")
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
    progress = Progress([Stage(name, 1) for name in STAGES], listener, cancelled)
    work = settings.work or target.parent / ".parley"
    sound = target.with_suffix(".wav")
    if settings.lossless or settings.alpha:
        raise DocumentError(
            [Problem("output", f"{target.name!r} holds no pictures", "leave out --lossless and --alpha")]
        )
    with progress.running(), ThreadPoolExecutor(1) as second_thread:
        progress.start("check")
        report, scene, assignment = checked_for(path, target, settings, [sound.name])
        if not assignment.assigned:
            raise DocumentError([Problem("output", "nobody of the cast is in the picture, so that there is no mesh")])
        expected = expected_stage_seconds(report.seconds, assignment, settings)
        progress.plan({stage: seconds for stage, seconds in expected.items() if stage in STAGES})
        progress.start("load models")
        setup = set_up(scene, assignment, path.parent, settings, models, second_thread, draws=False)
        progress.start("speech and motion")
        geometry = setup.geometry
        performance = setup.performer.perform(setup.timeline, geometry.routing, geometry.sides, work, progress)
        progress.start("encoding")
        record = film_record(scene, path.parent, settings)
        with whole_or_nothing(target) as folder:
            mesh_document(scene, assignment, geometry, performance, record).write(folder / target.name)
            write_sound(mix_performance(performance, work), folder / sound.name, record, signed=True)
        progress.finish()
    return report


def mesh_document(
    scene: Scene,
    assignment: FaceAssignment,
    geometry: SceneGeometry,
    performance: StoredPerformance,
    record: dict[str, Any],
) -> Gltf:
    """Everybody in the picture as a node with a head that turns, a mesh with ARKit's morph targets, and their motion.

    Heads stand as in the picture, the first in the middle of the world; all have eyes 63 mm apart. The motion is that
    of the film: with the amounts of the character, within the room of its head.
    """
    gltf = Gltf(f"Parley {metadata.version('parley')}")
    gltf.document["asset"]["extras"] = {"comment": SENTENCE, "parley": record}
    gltf.document["extensionsUsed"] = ["KHR_materials_unlit"]
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    times = gltf.keys(np.arange(performance.n_frames) / FPS)
    first: FaceMesh | None = None
    tops = []
    for person, room in zip(geometry.assigned, geometry.rooms, strict=True):
        name = scene.cast[person.character].name
        mesh = face_mesh(assignment.picture, person.face)
        first = first or mesh
        motion = MotionTrack(performance.motion[person.character][:])
        track = scaled_motion(motion, scene.cast[person.character], room)
        head = gltf.add("nodes", {"name": f"{name} head", "mesh": _mesh(gltf, name, mesh)})
        place = (mesh.centre - first.centre) * [first.unit, -first.unit]
        tops.append(gltf.add("nodes", {"name": name, "children": [head], "translation": [*place.tolist(), 0.0]}))
        for path, values, shape in (
            ("weights", track.values[:, WEIGHTS], "SCALAR"),
            ("rotation", head_turns(track), "VEC4"),
            ("translation", head_places(track), "VEC3"),
        ):
            sampler = {"input": times, "output": gltf.keys(values, shape), "interpolation": "LINEAR"}  # type: ignore[arg-type]
            channels.append({"sampler": len(samplers), "target": {"node": head, "path": path}})
            samplers.append(sampler)
    gltf.add("animations", {"name": scene.title or "performance", "channels": channels, "samplers": samplers})
    gltf.document["scene"] = gltf.add("scenes", {"name": scene.title or "scene", "nodes": tops})
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
