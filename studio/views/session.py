"""State of a browser window: its project, its notice, and how an edit reaches the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from studio.core.environment import ROOT_VARIABLE
from studio.core.problems import DocumentError
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import Scene

Show = Callable[[Project], None]


_OPEN, _NOTICE, _CHOSEN, _REFUSED = "open project", "notice", "chosen", "refused"


def projects() -> Projects:
    """All projects: in the folder that ``parley studio`` was told, else in ``Parley`` in the home folder."""
    return Projects(Path(os.environ.get(ROOT_VARIABLE) or Path.home() / "Parley"))


def current() -> Project | None:
    """The project that the address names, read anew where another window changed it; None without one."""
    name = st.query_params.get("project") or st.session_state.get("project name")
    if not name:
        return None
    project = st.session_state.get(_OPEN)
    if project is None or project.name != name or not project.folder.is_dir():
        with refusals():
            st.session_state[_OPEN] = project = None
            st.session_state[_OPEN] = project = projects().open(name)
            st.session_state[_CHOSEN] = 0 if project.scene.cast else None
    if project is None:
        close()
        return None
    with refusals():
        project.reload_if_changed()
    st.query_params["project"] = st.session_state["project name"] = project.name
    return project


def enter(project: Project) -> None:
    """Make a project the one of this window."""
    close()
    st.query_params["project"] = st.session_state["project name"] = project.name


def close() -> None:
    """Leave the project of this window."""
    for key in (_OPEN, "project name"):
        st.session_state.pop(key, None)
    if "project" in st.query_params:
        del st.query_params["project"]


def chosen(scene: Scene) -> int | None:
    """Index of the member of the cast that is being worked on; None when nobody is."""
    index = st.session_state.get(_CHOSEN)
    return index if index is not None and index < len(scene.cast) else (0 if scene.cast else None)


def choose(index: int | None) -> None:
    """Work on another member of the cast."""
    st.session_state[_CHOSEN] = index


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a refusal into the sentence that the page shows next; nothing else of what was done is lost."""
    try:
        yield
    except DocumentError as error:
        _refuse(error.sentence)
    except (ValueError, OSError) as error:
        _refuse(getattr(error, "strerror", None) or str(error))


def _refuse(sentence: str) -> None:
    st.session_state[_NOTICE] = sentence
    st.session_state[_REFUSED] = st.session_state.get(_REFUSED, 0) + 1


def tag(project: Project, *more: object) -> str:
    """Key of a widget that shows what is on disk: another one, hence a fresh widget, after each edit and each refusal.

    A widget that kept a refused value would hand it in again at once, and forever.
    """
    return " ".join(map(str, (*more, project.name, project.revision, st.session_state.get(_REFUSED, 0))))


def notice() -> str | None:
    """The sentence to be shown once; None when there is none."""
    return st.session_state.pop(_NOTICE, None)


def tell(sentence: str) -> None:
    """Have a sentence shown on the page."""
    st.session_state[_NOTICE] = sentence


def change(project: Project, make: Callable[[Scene], Scene], what: str) -> bool:
    """Edit the scene; says whether it was done, and shows why when it was not."""
    before = project.revision
    with refusals():
        project.edit(make(project.scene), what)
        return project.revision != before
    return False


def is_new(what: str) -> bool:
    """Whether something is shown to this window for the first time; what is new plays by itself, once."""
    seen = st.session_state.setdefault("seen", set())
    new = what not in seen
    seen.add(what)
    return new
