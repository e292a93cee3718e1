"""Binary glTF 2.0 (Khronos Group, ISO/IEC 12113): arrays as accessors in one buffer, and the file around them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_COMPONENTS = {np.dtype(np.float32): 5126, np.dtype(np.uint32): 5125}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_VERTICES, _INDICES = 34962, 34963
_MOST_BYTES = 2**32 - 1
"""Of a file: its length is a number of 32 bits."""

Shape = Literal["SCALAR", "VEC2", "VEC3", "VEC4"]


class Gltf:
    """A glTF document as it grows: arrays and pictures go into its buffer, the rest is put into :attr:`document`.

    Attributes:
        document: as its JSON holds it; whoever adds nodes, meshes and animations appends to its lists.
    """

    def __init__(self, generator: str) -> None:
        self._data = bytearray()
        self.document: dict[str, Any] = {"asset": {"version": "2.0", "generator": generator}}

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append an item to one of the document's lists; its index there."""
        items = self.document.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def vertices(self, values: np.ndarray, shape: Shape = "VEC3") -> int:
        """Accessor of an attribute of vertices or of a morph target, (N, width) float32."""
        return self._accessor(np.asarray(values, np.float32), shape, _VERTICES)

    def indices(self, triangles: np.ndarray) -> int:
        """Accessor of triangles (F, 3), counter-clockwise from outside."""
        return self._accessor(np.asarray(triangles, np.uint32).reshape(-1), "SCALAR", _INDICES)

    def keys(self, values: np.ndarray, shape: Shape = "SCALAR") -> int:
        """Accessor of an animation's times or values, float32; weights of several targets are one row after another."""
        width = _WIDTHS[shape]
        values = np.asarray(values, np.float32)
        return self._accessor(values.reshape(-1) if width == 1 else values.reshape(-1, width), shape, None)

    def picture(self, data: bytes, kind: Literal["image/jpeg", "image/png"]) -> int:
        """Texture of an encoded picture."""
        image = self.add("images", {"bufferView": self._view(data, None), "mimeType": kind})
        return self.add("textures", {"source": image})

    def _accessor(self, values: np.ndarray, shape: Shape, target: int | None) -> int:
        low, high = values.min(0), values.max(0)
        facts = {
            "bufferView": self._view(values.astype(values.dtype.newbyteorder("<")).tobytes(), target),
            "componentType": _COMPONENTS[values.dtype],
            "count": len(values),
            "type": shape,
            "min": np.atleast_1d(low).tolist(),
            "max": np.atleast_1d(high).tolist(),
        }
        return self.add("accessors", facts)

    def _view(self, data: bytes, target: int | None) -> int:
        view = {"buffer": 0, "byteOffset": len(self._data), "byteLength": len(data)}
        self._data += data + bytes(-len(data) % 4)
        return self.add("bufferViews", view if target is None else {**view, "target": target})

    def write(self, path: Path) -> None:
        """Write the document and its buffer as a ``.glb``.

        Raises:
            ValueError: it is larger than such a file can be.
            OSError: the disk is full or refuses.
        """
        document = {**self.document, "buffers": [{"byteLength": len(self._data)}]}
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        size = 12 + 8 + len(text) + 8 + len(self._data)
        if size > _MOST_BYTES:
            raise ValueError(f"{path.name} would have {size / 1e9:.1f} GB, more than a glTF file can hold.")
        with path.open("wb") as file:
            file.write(struct.pack("<III", _MAGIC, 2, size))
            file.write(struct.pack("<II", len(text), _JSON) + text)
            file.write(struct.pack("<II", len(self._data), _BINARY))
            file.write(self._data)
