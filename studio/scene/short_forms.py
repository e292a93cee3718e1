"""What the JSON schema says of models that are also read from shorter forms; hooks of pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler

_TEXT = {"type": "string"}


def or_text(_model: type[BaseModel], core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:  # noqa: ANN401
    """JSON schema of a model that is also read from one text."""
    return {"anyOf": [_TEXT, handler(core)]}


def or_name_and_text(model: type[BaseModel], core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:  # noqa: ANN401
    """The same of one that is also read from ``NAME: text``, as one text or as a mapping; a key is no name."""
    pair = {
        "type": "object", "minProperties": 1, "maxProperties": 1,
        "propertyNames": {"not": {"enum": list(model.model_fields)}},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }  # fmt: skip
    return {"anyOf": [_TEXT, pair, handler(core)]}
