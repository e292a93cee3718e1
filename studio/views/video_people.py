"""The Cast page of a video: a strip of its frames, everybody in it, who they are, and its own sound and mouths."""

from __future__ import annotations

import streamlit as st

from studio.editing import cast_edits
from studio.editor.clip_view import ClipView, PersonInView, look_at_people
from studio.project.project import Project
from studio.views import layout, session

SOMEBODY_NEW = "Somebody new"


def show(project: Project) -> None:
    """Draw strip and people."""
    view = _looked_at(project)
    if view.strip:
        st.image(view.strip, width="stretch", caption="Frames of the video, with everybody's number")
    for problem in dict.fromkeys(view.problems):
        st.html(layout.check_item("bad", problem.sentence))
    for warning in view.warnings:
        st.html(layout.check_item("warn", warning.sentence))
    for person in view.people:
        _person(project, person)
    _own_sound(project)


def _looked_at(project: Project) -> ClipView:
    bar = st.empty()

    def on_frame(done: int, total: int) -> None:
        if done % 25 == 0:
            bar.progress(min(1.0, done / total), "Looking for the people in the video")

    view = look_at_people(project.scene, project.folder, on_frame)
    bar.empty()
    return view


def _person(project: Project, person: PersonInView) -> None:
    """Somebody's face and the choice of who they are."""
    scene = project.scene
    names = [member.name for member in scene.cast]
    face, choice = st.columns([1, 4], vertical_alignment="center")
    face.image(person.picture, width=96)
    now = None if person.owner is None else names[person.owner]
    chosen = choice.selectbox(
        person.words[0].upper() + person.words[1:], [*names, SOMEBODY_NEW],
        index=None if now is None else names.index(now), placeholder="Nobody: keeps their own mouth",
        key=f"person {person.number} {now} {session.tag(project, person.number)}",
        help="Who of the cast this is. Their lines are spoken by this face.",
    )  # fmt: skip
    if chosen is None or chosen == now:
        return
    index = None if chosen == SOMEBODY_NEW else names.index(chosen)
    with session.refusals():
        edited, index = cast_edits.with_person(scene, person.number, index)
        project.edit(edited, f"{edited.cast[index].name} in the video")
        session.choose(index)
    st.rerun()


def _own_sound(project: Project) -> None:
    """How loud the video's own sound stays, and what mouths do without a line."""
    scene = project.scene
    explained = "How loud it stays under the voices; its speech goes where somebody has a line."
    ambience = st.slider("The video's own sound", 0.0, 1.0, scene.ambience, 0.05, help=explained,
                         key=session.tag(project, "ambience"))  # fmt: skip
    close = st.toggle("Close mouths without a line", scene.silent == "close", key=session.tag(project, "silent"),
                      help="Else the cast's mouths do what they do in the video.")  # fmt: skip
    silent = "close" if close else "keep"
    if (ambience, silent) != (scene.ambience, scene.silent):
        changes = {"ambience": round(float(ambience), 2), "silent": silent}
        session.change(project, lambda s: s.model_copy(update=changes), "The video's own sound and mouths")
        st.rerun()
