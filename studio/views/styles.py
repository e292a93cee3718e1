"""Styles of a character on the Cast page: choose, mix by sliders, remove, upload."""

from __future__ import annotations

import html

import streamlit as st

from generation.adapters.metadata import MOST_STRENGTH, SUFFIX
from studio.editing import cast_edits
from studio.project.project import Project
from studio.scene.styles import Offer, offers
from studio.views import layout, session


def show(project: Project, index: int) -> None:
    """A fold that says what is chosen, with a slider for each; nothing where there is nothing to choose."""
    member = project.scene.cast[index]
    offered = offers(project.folder, member.styles)
    if not offered:
        return
    chosen = ", ".join(f"{offered[name].title} {strength:g}" for name, strength in member.styles.items())
    key = f"styles {project.name} {index}"
    with st.expander(f"Styles: {chosen}" if chosen else "Styles", key=key):
        for name, strength in member.styles.items():
            _row(project, index, name, offered[name], strength)
        _add(project, index, offered)
        for offer in offered.values():
            if offer.why_not:
                st.html(layout.check_item("bad", offer.why_not))


def _row(project: Project, index: int, name: str, offer: Offer, strength: float) -> None:
    """One style: how strong, what it does, and off."""
    who, key = project.scene.cast[index].name, f"strength {index} {name} {project.name}"

    def moved() -> None:
        value = st.session_state[key]
        _change(project, index, name, value, f"{offer.title} {value:g}")

    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if offer.why_not:
                st.html(f"<b>{offer.title}</b>", width="stretch")
            else:
                # What is on disk, by the value and not by another key: the keyboard stays on the slider.
                st.session_state[key] = strength
                st.slider(offer.title, 0.0, MOST_STRENGTH, step=0.05, key=key, on_change=moved,
                          help="0 is not at all, 1 as it was trained; several mix.")  # fmt: skip
            st.button("Off", key=f"off {session.tag(project, index, name)}", on_click=_change,
                      args=(project, index, name, None, f"{offer.title} off"),
                      help=f"{who} goes without this style; undo brings it back.")  # fmt: skip
        if offer.does:
            st.html(f'<div class="parley-does">{html.escape(offer.does)}</div>')


def _add(project: Project, index: int, offered: dict[str, Offer]) -> None:
    member = project.scene.cast[index]
    free = [name for name, offer in offered.items() if not offer.why_not and name not in member.styles]
    if not free:
        return
    wanted = st.selectbox("Another style" if member.styles else "Style", free, index=None,
                          format_func=lambda name: f"{offered[name].title}: {offered[name].does}",
                          placeholder="Choose a style", key=f"style {session.tag(project, index)}",
                          help="A way of speaking and moving; several can be mixed.")  # fmt: skip
    if wanted is not None:
        _change(project, index, wanted, 1.0, offered[wanted].title)
        st.rerun()


def _change(project: Project, index: int, name: str, strength: float | None, what: str) -> None:
    who = project.scene.cast[index].name
    session.change(project, lambda s: cast_edits.with_style(s, index, name, strength), f"{who}: {what}")


def upload(project: Project, index: int) -> None:
    """A style of one's own, kept in the project and chosen at once."""
    member = project.scene.cast[index]
    file = st.file_uploader("A style from a file", type=[SUFFIX[1:]], key=session.tag(project, "own style", index),
                            help="An adapter that you trained; at most 50 MB.")  # fmt: skip
    if file is None:
        return
    with session.refusals():
        name = project.add_media(file.getvalue(), file.name)
        if name in member.styles:
            raise ValueError(f"{member.name} has this style already; move its slider.")
        project.edit(cast_edits.with_style(project.scene, index, name, 1.0), f"{member.name}: own style")
    st.rerun()
