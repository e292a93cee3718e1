"""Pages of the editor, run without a browser."""

from __future__ import annotations

import sys

import pytest

from studio import launch
from studio.project.project import Project


def page(name: str, project: Project | None, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN202
    from streamlit.testing.v1 import AppTest

    from studio.jobs import supervisor

    monkeypatch.setattr(supervisor, "COMMAND", (sys.executable, "-c", "pass"))  # no model in these tests
    test = AppTest.from_string(f"from studio import app\nfrom studio.views import {name}\n" + (
        "import streamlit as st\nfrom studio.views import layout\nst.session_state['pages'] = {}\n"
        + (f"{name}.show()" if project is None else f"app._with_project({name}.show)")
    ), default_timeout=120)  # fmt: skip
    if project is not None:
        monkeypatch.setenv(launch.ROOT_VARIABLE, str(project.folder.parent))
        test.query_params["project"] = project.name
    return test


def shown(test) -> str:  # noqa: ANN001
    parts = [item.value for kind in ("markdown", "caption", "warning", "error") for item in getattr(test, kind)]
    return " ".join([*parts, *(str(item.proto.body) for item in test.get("html"))])
