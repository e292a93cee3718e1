"""The Start page: sample scene, list of projects, new project, and import of a finished video's scene."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import streamlit as st

from generation.core.assets import asset
from studio.editor import picture_view
from studio.jobs.supervisor import ensure_worker
from studio.project import archive
from studio.project.history import SCENE_FILE
from studio.project.project import Project
from studio.project.projects import SAMPLE
from studio.project.uploads import PICTURES
from studio.scene.schema import VIDEOS
from studio.views import session

SAMPLE_NAME = "Café"
SHOWN = 5
"""Projects that are shown with their pictures; the others are in a list."""


def show() -> None:
    """Draw the page."""
    session.close()
    with session.refusals():
        ensure_worker(session.projects().root)  # until somebody has chosen, it has loaded the model
    for sentence in filter(None, [session.notice()]):
        st.warning(sentence, icon=":material/info:")
    with st.container(key="hero", gap="medium"):
        picture, text = st.columns(2, gap="large", vertical_alignment="center")
        picture.image(_sample_picture(), width="stretch")
        with text:
            st.title("Who says what?")
            st.write("Give every face in a picture a voice, write what they say, and get a video in which they speak.")
            if st.button("Open the sample scene", type="primary", help="Three people in a café, ready to be filmed."):
                _go(_sample(), "video")
            with st.expander("New project"):
                _new()
            with st.expander("Open a finished video"):
                _restore()
            with st.expander("Open a project archive"):
                _unpack()
            st.caption("Everything stays on this computer. Every video says that it is AI-generated.")
        _projects()


@cache
def _sample_picture() -> bytes:
    return picture_view.shown_picture(asset("scenes/cafe/picture.png"))


def _sample() -> Project | None:
    """The project of the sample scene: the one there is, else a new one."""
    with session.refusals():
        projects = session.projects()
        assert asset(SAMPLE).is_file()
        return projects.open(SAMPLE_NAME) if SAMPLE_NAME in projects.names() else projects.create_sample(SAMPLE_NAME)
    return None


def _go(project: Project | None, page: str) -> None:
    """Enter a project, or show why there is none."""
    if project is None:
        st.rerun()
    session.enter(project)
    st.switch_page(st.session_state["pages"][page], query_params={"project": project.name})


def _projects() -> None:
    """The last changed ones with their pictures, the others in a list."""
    root, names = session.projects().root, session.projects().names()
    if not names:
        return
    chosen = None
    with st.container(key="projects"):
        st.subheader("Your projects")
        for column, name in zip(st.columns(SHOWN), names, strict=False):
            scene = root / name / SCENE_FILE
            picture = picture_view.thumbnail(scene, scene.stat().st_mtime)
            with column:
                if picture is None:
                    st.html('<div class="parley-blank">No picture yet</div>')
                else:
                    st.image(picture, width="stretch")
                if st.button(name, key=f"open {name}", width="stretch", help=f"Open the project {name}."):
                    chosen = name
    if len(names) > SHOWN:
        listed = st.selectbox("Earlier projects", names[SHOWN:], index=None, placeholder="Open an earlier project",
                              key="which project", help="The last changed comes first.")  # fmt: skip
        chosen = chosen or listed
    if chosen is not None:
        with session.refusals():
            _go(session.projects().open(chosen), "cast")


def _new() -> None:
    name = st.text_input("Name", key="new name", placeholder="My scene", help="Also the name of its folder.")
    picture = st.file_uploader("Picture or video (you can also add it later)", key="new picture",
                               type=[ending[1:] for ending in (*PICTURES, *VIDEOS)])  # fmt: skip
    if st.button("Create"):  # never disabled: the click itself is what sends the name that was typed
        project = None
        with session.refusals():
            project = session.projects().create(name.strip() or (Path(picture.name).stem if picture else ""))
            if picture is not None:
                relative = project.add_media(picture.getvalue(), picture.name)
                project.edit(project.scene.model_copy(update={"picture": relative}), "Picture")
        _go(project, "cast")


def _restore() -> None:
    video = st.file_uploader("A video made with Parley", type=["mp4", "mkv", "mov", "webm"], key="restored video",
                             help="Its scene comes back; missing files are asked for.")  # fmt: skip
    if video is not None and st.button("Bring its scene back"):
        project = None
        with session.refusals(), tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "video.mp4"
            path.write_bytes(video.getvalue())
            project, missing = session.projects().restore(path, _free_name(Path(video.name).stem))
            lacking = f"{len(missing)} files are missing; add them on the page Cast." if missing else None
            if told := " ".join(filter(None, (project.notice, lacking))):
                session.tell(told)
        _go(project, "cast")


def _unpack() -> None:
    packed = st.file_uploader("A project archive", type=["zip"], key="packed project",
                              help="From the page Export, or from parley archive.")  # fmt: skip
    if packed is not None and st.button("Make a project of it", help="Unpacks it into a new project."):
        project = None
        with session.refusals(), tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "project.zip"
            path.write_bytes(packed.getvalue())
            name = _free_name(Path(packed.name).stem.removesuffix(" project"))
            project = archive.unpack(path, session.projects(), name)
        _go(project, "cast")


def _free_name(stem: str) -> str:
    """The name of a file as a project's, with a number where there is one of that name."""
    wanted = stem[:40] or "Restored"
    taken = {name.casefold() for name in session.projects().names()}
    return next(n for n in (wanted, *(f"{wanted} {i}" for i in range(2, 999))) if n.casefold() not in taken)
