"""A reader of binary glTF for tests, written from the specification: every offset, bound and index is checked."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {5126: np.dtype("<f4"), 5125: np.dtype("<u4")}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def read_glb(path: Path) -> tuple[dict[str, Any], list[np.ndarray], list[bytes]]:
    """The document, its accessors as arrays, and its pictures as they are encoded."""
    data = path.read_bytes()
    magic, version, size = struct.unpack_from("<4sII", data)
    assert (magic, version, size) == (b"glTF", 2, len(data)) and size % 4 == 0
    n_json, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and n_json % 4 == 0
    document = json.loads(data[20 : 20 + n_json])
    n_binary, kind = struct.unpack_from("<I4s", data, 20 + n_json)
    binary = data[28 + n_json :]
    assert kind == b"BIN\0" and n_binary % 4 == 0 and len(binary) == n_binary
    assert document["asset"]["version"] == "2.0"
    (buffer,) = document["buffers"]
    assert buffer["byteLength"] <= n_binary < buffer["byteLength"] + 4 and "uri" not in buffer
    views = []
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= buffer["byteLength"]
        views.append(binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])
    arrays = [_array(accessor, views) for accessor in document["accessors"]]
    _check_references(document, arrays)
    return document, arrays, [views[image["bufferView"]] for image in document.get("images", ())]


def _array(accessor: dict[str, Any], views: list[bytes]) -> np.ndarray:
    width, data = WIDTHS[accessor["type"]], views[accessor["bufferView"]]
    values = np.frombuffer(data, TYPES[accessor["componentType"]])
    assert len(values) == accessor["count"] * width
    values = values.reshape(accessor["count"], width)
    assert np.isfinite(values).all()
    assert np.array_equal(values.min(0), np.array(accessor["min"], values.dtype))
    assert np.array_equal(values.max(0), np.array(accessor["max"], values.dtype))
    return values


def _check_references(document: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Meshes, nodes and animations name what is there, of the right kind and length."""
    views, accessors = document["bufferViews"], document["accessors"]
    for mesh in document["meshes"]:
        for part in mesh["primitives"]:
            n_points = len(arrays[part["attributes"]["POSITION"]])
            corners = arrays[part["indices"]]
            assert views[accessors[part["indices"]]["bufferView"]]["target"] == 34963
            assert len(corners) % 3 == 0 and corners.max() < n_points
            for key, at in (*part["attributes"].items(), *(item for t in part["targets"] for item in t.items())):
                assert len(arrays[at]) == n_points
                assert views[accessors[at]["bufferView"]]["target"] == 34962, key
            assert len(part["targets"]) == len(mesh["weights"]) == len(mesh["extras"]["targetNames"])
            assert part["material"] < len(document["materials"])
            lengths = np.linalg.norm(arrays[part["attributes"]["NORMAL"]], axis=1)
            assert np.abs(lengths - 1).max() < 1e-4
    for material in document["materials"]:
        texture = material["pbrMetallicRoughness"].get("baseColorTexture", {"index": 0})["index"]
        assert document["textures"][texture]["source"] < len(document["images"])
    for animation in document["animations"]:
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = arrays[sampler["input"]], arrays[sampler["output"]]
            assert (np.diff(times[:, 0]) > 0).all() and times[0, 0] == 0
            node = document["nodes"][channel["target"]["node"]]
            n_targets = len(document["meshes"][node["mesh"]]["weights"])
            per_key = n_targets if channel["target"]["path"] == "weights" else 1
            assert len(values) == per_key * len(times)
    for node in document["nodes"]:
        assert all(child < len(document["nodes"]) for child in node.get("children", ()))
    assert all(top < len(document["nodes"]) for top in document["scenes"][document["scene"]]["nodes"])
