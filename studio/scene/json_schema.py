"""JSON schema of scene files, from the models that read them, so that the two cannot drift apart."""

from __future__ import annotations

from typing import Any

from studio.scene.schema import Scene

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scene_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of scene files of the current version, as ``parley schema`` prints it.

    It says which keys there are, of which kind and within which bounds; what hangs together, and what other files
    hold, is for :func:`studio.validation.scene_check.check_scene`.
    """
    return {"$schema": DIALECT, **Scene.model_json_schema()}
