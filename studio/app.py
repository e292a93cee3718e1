"""Entry point of the editor, which Streamlit runs: the pages and the navigation between them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from studio.views import cast, export, layout, motion, script, session, start, video


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config("Parley", str(Path(__file__).with_name("widgets") / "icon.svg"), "wide", "collapsed")
    layout.style()
    start_page = st.Page(start.show, title="Start", icon=":material/home:", default=True)
    pages = {
        name: st.Page(partial(_with_project, show), title=name.capitalize(), icon=f":material/{icon}:", url_path=name)
        for name, show, icon in (
            ("cast", cast.show, "groups"),
            ("script", script.show, "notes"),
            ("lips", motion.show, "graphic_eq"),
            ("video", video.show, "movie"),
            ("export", export.show, "download"),
        )
    }
    st.session_state["pages"] = {"start": start_page, **pages}
    page = st.navigation([start_page, *pages.values()], position="top")
    page.run()
    layout.settle(page.title)


def _with_project(show: session.Show) -> None:
    """A page that needs a project; without one it says how to get one."""
    project = session.current()
    if project is None:
        for sentence in filter(None, [session.notice()]):
            st.warning(sentence)
        layout.empty("No project is open", "Open the sample scene or one of your projects on the start page.")
        if st.button("To the start page", type="primary"):
            st.switch_page(st.session_state["pages"]["start"])
        return
    layout.header(project)
    show(project)


if __name__ == "__main__":
    main()
