"""Motion files on the Lips page: what moves by them, and a file or another project's film brought in."""

from __future__ import annotations

import streamlit as st

from generation.core.motion import REGION_CHANNELS
from generation.motion.motion_files import SUFFIXES
from studio.editing import given_motion
from studio.project.project import Project
from studio.views import session

_FILE = "a file"


def show(project: Project) -> None:
    """Draw the part."""
    for number, given in enumerate(given_motion.given_motion(project)):
        left, right = st.columns([5, 2], vertical_alignment="center")
        left.caption(given.sentence)
        right.button("By the voice again", key=f"motion off {number} {given.who} {given.name}", width="stretch",
                     on_click=_take_back, args=(project, given),
                     help="The file stays in the project; undo brings it back.")  # fmt: skip
    with st.expander("Motion from a file"):
        _bring(project)


def _bring(project: Project) -> None:
    names = [project.scene.cast[index].name for index in project.scene.on_screen]
    left, right = st.columns(2)
    who = left.selectbox("Character", names, key=f"motion who {project.name}", help="Whose face the file moves.")
    regions = right.multiselect("Regions of the face", list(REGION_CHANNELS), ["brows", "eyes"],
                                key=f"motion of {project.name}", help="Everything else stays as it is.")  # fmt: skip
    others = given_motion.takes_of_others(project)
    source = _FILE
    if others:
        source = st.selectbox("From", [_FILE, *others], key=f"motion from {project.name}",
                              help="A file, or how somebody moves in another project's newest video.")  # fmt: skip
    file = None
    if source == _FILE:
        file = st.file_uploader("ARKit recording or motion file", [suffix[1:] for suffix in SUFFIXES],
                                key=session.tag(project, "motion file"),
                                help="CSV of Live Link Face, or CSV and JSON that came with a video.")  # fmt: skip
    if st.button("Use this motion", key="motion use", disabled=who is None,
                 help="The scene's first frame is the file's first."):  # fmt: skip
        with session.refusals():
            if source != _FILE:
                data, name = others[source].read_bytes(), others[source].name
            elif file is None:
                raise ValueError("Choose a motion file first.")
            else:
                data, name = file.getvalue(), file.name
            session.tell(given_motion.brought(project, str(who), regions, data, name))
        st.rerun()


def _take_back(project: Project, given: given_motion.GivenMotion) -> None:
    with session.refusals():
        changed = given_motion.with_motion(project.scene, given.who, given.regions, None)
        project.edit(changed, f"Motion of {given.who}")
