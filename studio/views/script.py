"""The Script page: lines with speakers, timing and takes, and playback before anything is rendered."""

from __future__ import annotations

from typing import Any

import streamlit as st

from studio.editing import script_edits
from studio.editing.actions import CompareTakes, HearLine, KeepTake, NewTake, PlayTake, read_line_action
from studio.editor import playback
from studio.formats.importing import SUFFIXES, decoded
from studio.jobs.queue import submit
from studio.project.project import Project
from studio.scene import screenplay
from studio.scene.lexicon import with_sound
from studio.scene.voices import spoken_languages
from studio.views import layout, session
from studio.widgets import mount


def show(project: Project) -> None:
    """Draw the page."""
    scene = project.scene
    if not scene.cast:
        layout.empty(
            "First the cast", "A line needs somebody who says it: claim a face, or paste a script below.", "cast"
        )
        with st.container(width=layout.NARROW):
            _paste(project)
        return
    with st.container(width=layout.READING):
        _lines(project)
        _corrections(project)
        _paste(project)


def _add(project: Project) -> None:
    session.change(project, script_edits.with_line, "New line")


def _lines(project: Project) -> None:
    scene = project.scene
    with st.container(horizontal=True, vertical_alignment="center"):
        waiting = playback.lines_in_queue(project)
        if st.button("Hear everything", type="primary", disabled=not scene.script or bool(waiting),
                     help="Speaks all lines with their pauses, before anything is drawn."):  # fmt: skip
            _hear(project, project.line_ids())
            st.rerun()
        st.button("Add a line", type="secondary" if scene.script else "primary", on_click=_add, args=(project,),
                  help="Adds an empty line at the end, for whoever would answer.")  # fmt: skip
    layout.job_strip(project)
    if not scene.script:
        layout.empty("No lines yet", "Add a line, or paste a script: NAME: text, one line each.")
    sound = playback.newest_playback(project, st.session_state.get("take heard"))
    mount.lines("lines", script_data(project, waiting, sound), lambda message: _acted(project, message))


def script_data(project: Project, busy: set[str], sound: playback.Playback | None) -> dict[str, Any]:
    """What the script's widget is to show."""
    scene = project.scene
    cast = [
        {"name": member.name, "colour": scene.colour_of(index)}
        for index, member in enumerate(scene.cast) if member.role != "silent"
    ]  # fmt: skip
    playing = None
    if sound is not None:
        clips = [
            {"url": mount.media_url(path, f"heard {number}"), "label": label}
            for number, (path, label) in enumerate(sound.clips)
        ]
        playing = {"clips": clips, "stamp": sound.stamp, "autoplay": session.is_new(sound.stamp), "words": sound.words}
    faces = [scene.cast[index].name for index in scene.on_screen]
    lines = script_edits.script_rows(project, dict.fromkeys(busy, True))
    spoken = list(spoken_languages().items())
    return {"lines": lines, "cast": cast, "faces": faces, "languages": spoken, "sound": playing}


def _acted(project: Project, message: object) -> None:
    """Something was done in the script."""
    with session.refusals():
        action = read_line_action(message)
        scene, what = script_edits.apply_line_action(project.scene, action)
        if what:
            project.edit(scene, what)
        ids, index = project.line_ids(), action.index
        match action:
            case HearLine():
                _hear(project, ids[index : index + (2 if action.pair else 1)])
            case NewTake():
                project.new_take(ids[index])
                _hear(project, [project.line_ids()[index]])
            case KeepTake():
                project.keep_take(ids[index], action.take)
            case PlayTake():
                st.session_state["take heard"] = (ids[index], [action.take], action.n)
            case CompareTakes():
                st.session_state["take heard"] = (ids[index], playback.takes_to_compare(project, ids[index]), action.n)


def _hear(project: Project, ids: list[str]) -> None:
    st.session_state.pop("take heard", None)
    with session.refusals():
        submit(project, "hear", lines=ids)


def _corrections(project: Project) -> None:
    lexicon = project.scene.lexicon
    if not lexicon:
        return
    with st.expander(f"Words that are said otherwise ({len(lexicon)})"):
        for word, ipa in lexicon.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(f"{word}  /{ipa}/")
                st.button("Take away", key=session.tag(project, "sound of", word), args=(project, word),
                          on_click=_take_away, help=f"{word} is read by our own rules again.")  # fmt: skip


def _take_away(project: Project, word: str) -> None:
    session.change(project, lambda scene: with_sound(scene, word, ""), f"How {word} sounds")


def _paste(project: Project) -> None:
    with st.expander("Paste or drop a script"):
        st.caption(
            "NAME: text, one line each, a screenplay (Fountain), subtitles with names (SRT, WebVTT) or a table (CSV). "
            "NAME (pause 0.5, speed 1.1): text sets a line's time and speed; NAME + NAME: text is said together, "
            "NAME (face OTHER): text comes out of another's face. Headings and what happens are kept as notes."
        )
        file = st.file_uploader("A script from a file", list(SUFFIXES), key=session.tag(project, "script file"),
                                help="What it is written in is told by what is in it.")  # fmt: skip
        text = st.text_area("Screenplay", screenplay.print_lines(project.scene.script), height=200,
                            key=f"screenplay {project.revision}", label_visibility="collapsed")  # fmt: skip
        add = st.checkbox("Add names that are not in the cast yet", True,
                          help="They are heard; claim a face for each on the page Cast.")  # fmt: skip
        if st.button("Use as the script", help="Replaces the script; undo brings the old one back."):
            with session.refusals():
                given = text if file is None else decoded(file.getvalue(), file.name)
                scene, told = script_edits.pasted(project.scene, given, add)
                project.edit(scene, "Script")
                session.tell(told)
            st.rerun()
