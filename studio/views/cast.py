"""The Cast page: the picture with everybody's region; name, voice and styles of the chosen character."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from generation.text.languages import ENGLISH
from studio.editing import cast_edits
from studio.editing.actions import read_picture_action
from studio.editor import picture_view, voice_preview
from studio.jobs.queue import submit
from studio.project.project import Project
from studio.project.uploads import PICTURES
from studio.scene.schema import PLACELESS, STATEMENT_NEEDED, VIDEOS, Scene, Voice
from studio.scene.voices import spoken_languages, voices_by_contrast
from studio.views import finetuning, layout, session, styles, video_people
from studio.widgets import mount

CONSENT = {
    "drawn": "Nobody real: drawn or generated",
    "me": "Me",
    "agreed": "Someone who agreed",
    "public": "Someone who died or is public",
}
SHOWN = [ending[1:] for ending in (*PICTURES, *VIDEOS)]
"""Endings of pictures and videos."""


def show(project: Project) -> None:
    """Draw the page."""
    _missing(project)
    scene = project.scene
    if not scene.picture:
        layout.empty(
            "First a picture", "Drop a picture, or a video, with the faces that are to speak; they are found for you."
        )
        with st.container(width=layout.NARROW):
            _upload(project, "Picture")
        return
    _consent(project)
    left, right = st.columns([5, 2], gap="medium")
    with right:
        _people(project)
    with left:
        if scene.is_video:
            video_people.show(project)
        else:
            _picture(project)
        with st.expander("Another picture"):
            _upload(project, "Picture in place of this one")
    layout.job_strip(project)


def _picture(project: Project) -> None:
    """A still picture with everybody's region."""
    scene, view = project.scene, _view(project)
    data = picture_data(project, view, session.chosen(scene))
    mount.picture("picture", data, lambda message: _acted(project, message))
    for problem in dict.fromkeys(view.problems):
        st.html(layout.check_item("bad", problem.sentence))
    for warning in view.warnings:
        st.html(layout.check_item("warn", warning.sentence))
    if not view.owners and not view.problems and not scene.cast:
        layout.empty("No face was found", "Add a character on the right, then mark eyes and mouth on the picture.")
    with st.expander("Numbers instead of the mouse"):
        _numbers(project, view)


def _view(project: Project) -> picture_view.View:
    return picture_view.look(project.scene, project.folder)


def picture_data(
    project: Project, view: picture_view.View, chosen: int | None, editable: bool = True
) -> dict[str, Any]:
    """What the picture's widget is to show."""
    scene = project.scene
    height, width = view.size
    regions = []
    for index, area in view.areas.items():
        lines = picture_view.outlines(area)
        member, colour = scene.cast[index], scene.colour_of(index)
        top = min((point for line in lines for point in line), key=lambda point: point[1], default=None)
        label = None if top is None else [top[0], max(top[1], 0.03 * height)]
        regions.append({"index": index, "name": member.name, "colour": colour, "ink": picture_view.ink_on(colour),
                        "outlines": lines, "label": label})  # fmt: skip
    proposals = [
        {"id": number, "outline": picture_view.face_outline(face), "owner": owner}
        for number, (face, owner) in enumerate(zip(view.faces, view.owners, strict=True))
    ]
    shown = picture_view.shown_picture(project.media_path(scene.picture)) if scene.picture else b""
    marked = {} if chosen is None else picture_view.marked_points(scene, project.folder, view.size, chosen)
    return {
        "url": mount.media_url(shown, "picture", ".jpg") if shown else "", "width": width or 16, "height": height or 9,
        "regions": regions, "faces": proposals, "selected": chosen, "seated": chosen in view.owners,
        "selected_name": None if chosen is None else scene.cast[chosen].name,
        "selected_colour": "#888888" if chosen is None else scene.colour_of(chosen),
        "points": {name: marked[name] for name, _ in picture_view.WANTED if name in marked},
        "wanted": picture_view.WANTED, "first": picture_view.FIRST,
        "editable": editable,
    }  # fmt: skip


def _acted(project: Project, message: object) -> None:
    """Something was done on the picture."""
    with session.refusals():
        action, chosen = read_picture_action(message), session.chosen(project.scene)
        scene, what, chosen = cast_edits.apply_picture_action(project, project.scene, action, chosen)
        if what:
            project.edit(scene, what)
        session.choose(chosen)


def _upload(project: Project, label: str) -> None:
    file = st.file_uploader(label, type=SHOWN, key=session.tag(project, "picture"),
                            help="At most 50 MB and 50 million pixels, or a video of at most 50 MB.")  # fmt: skip
    if file is None:
        return
    with session.refusals():
        relative = project.add_media(file.getvalue(), file.name)
        new = {"picture": relative, "rig": None, "consent": None, "statement": "",
               "ambience": 1.0, "silent": "keep"}  # fmt: skip
        cast = tuple(member.model_copy(update=PLACELESS) for member in project.scene.cast)
        project.edit(project.scene.model_copy(update={**new, "cast": cast}), "Picture")
        session.choose(None if not cast else 0)
    st.rerun()


def _consent(project: Project) -> None:
    """Asked once, when a picture was added; kept in the project."""
    scene = project.scene
    answered = scene.consent is not None and (scene.consent not in STATEMENT_NEEDED or scene.statement.strip())
    if answered:
        return
    with st.container(border=True, key="consent question"):
        answer = st.radio("Who is in this picture?", list(CONSENT), format_func=CONSENT.get, horizontal=True,
                          index=list(CONSENT).index(scene.consent) if scene.consent else None,
                          help="The preview works without an answer, the video does not; it stays on this computer.",
                          key=f"consent answer {scene.picture}")  # fmt: skip
        statement = ""
        if answer in STATEMENT_NEEDED:
            statement = st.text_input("Who is it, and who agreed?", key="consent statement",
                                      placeholder="Ada Byron, agreed by letter on 3 May")  # fmt: skip
        if answer is not None and (answer not in STATEMENT_NEEDED or statement.strip()):
            update = {"consent": answer, "statement": statement.strip()}
            if session.change(project, lambda s: s.model_copy(update=update), "Who is in the picture"):
                st.rerun()


def _people(project: Project) -> None:
    """The list of the cast, and the chosen one's card."""
    scene, index = project.scene, session.chosen(project.scene)
    if scene.cast:
        names = {i: member.name for i, member in enumerate(scene.cast)}
        st.segmented_control("Cast", list(names), format_func=names.__getitem__, default=index, selection_mode="single",
                             key=f"cast {index} {hash(tuple(names.values()))}", on_change=_picked,
                             args=(f"cast {index} {hash(tuple(names.values()))}",),
                             help="Choose who is worked on.")  # fmt: skip
    if index is not None:
        with st.container(border=True, key="character card"):
            _card(project, index)
    st.button("Add a voice without a face", on_click=_add, args=(project,),
              help="A narrator, or somebody who is heard and not seen.")  # fmt: skip


def _picked(key: str) -> None:
    if (index := st.session_state.get(key)) is not None:
        session.choose(index)


def _add(project: Project) -> None:
    if session.change(project, lambda scene: cast_edits.with_character(scene, narrator=True)[0], "New character"):
        session.choose(len(project.scene.cast) - 1)


def _card(project: Project, index: int) -> None:
    scene = project.scene
    member = scene.cast[index]
    colour = html.escape(scene.colour_of(index))
    seen = "In the picture" if member.role != "narrator" else "Heard, not seen"
    st.html(f'<span class="parley-dot" style="background:{colour}"></span>{seen}')
    tag = session.tag(project, index)
    name = st.text_input("Name", member.name, key=f"name {tag}")
    if name != member.name:
        with session.refusals():
            project.edit(cast_edits.renamed(project, scene, index, name), f"{member.name} renamed")
        st.rerun()
    _voice(project, index, tag)
    _language(project, index, tag)
    styles.show(project, index)
    finetuning.show(project, index)
    with st.expander("More about this character"):
        styles.upload(project, index)
        st.button(f"Remove {member.name}", on_click=_remove, args=(project, index), key=f"remove {tag}",
                  help="The lines stay and wait for somebody else; undo brings everything back.")  # fmt: skip


def _voice(project: Project, index: int, tag: str) -> None:
    member = project.scene.cast[index]
    voices, now = list(voices_by_contrast(project.scene, index)), member.voice.preset if member.voice else None
    described = voice_preview.descriptions()
    if now is not None and now not in voices:  # a blend
        voices, described = [now, *voices], {**described, now: "a blend of voices"}
    voice = st.selectbox("Voice", voices, index=voices.index(now) if now in voices else None, key=f"voice {tag}",
                         format_func=lambda name: f"{name}: {_parts(described[name])[0]}", placeholder="Choose a voice",
                         help="Who this character sounds like. Voices most unlike the others' come first.")  # fmt: skip
    if voice != now and voice is not None:
        new = Voice(preset=voice)
        session.change(project, lambda s: cast_edits.with_voice(s, index, new), f"{member.name}'s voice")
        st.rerun()
    job = voice_preview.latest(project, index)
    busy = job is not None and not job.status().ended
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_parts(described[now])[1] if now in described else "", width="stretch")
        heard = st.button("Hear it", disabled=member.voice is None or busy,
                          help="Says one sentence in this voice and these styles.")  # fmt: skip
    if heard:
        with session.refusals():
            submit(voice_preview.VoicePreview(project, index), "hear")
        st.rerun()
    if job is not None and (sound := job.status().results.get("sound")) is not None and sound.is_file():
        st.audio(str(sound), autoplay=session.is_new(job.id))


def _language(project: Project, index: int, tag: str) -> None:
    member, names = project.scene.cast[index], spoken_languages()
    now = member.language or ENGLISH
    offered = list(names) if now in names else [*names, now]
    language = st.selectbox("Language", offered, index=offered.index(now), key=f"language {tag}",
                            format_func=lambda code: names.get(code, code),
                            help="What this character speaks, where a line names no other language.")  # fmt: skip
    if language != now:
        new = None if language == ENGLISH else language
        what = f"{member.name}'s language"
        session.change(project, lambda s: cast_edits.changed(s, index, language=new), what)
        st.rerun()


def _parts(description: str) -> tuple[str, str]:
    """As much of a voice's description as the list has room for, and the rest."""
    clauses = description.split(", ")
    return ", ".join(clauses[:2]), ", ".join(clauses[2:]).capitalize()


def _remove(project: Project, index: int) -> None:
    def without(scene: Scene) -> Scene:
        return scene.model_copy(update={"cast": (*scene.cast[:index], *scene.cast[index + 1 :])})

    if session.change(project, without, f"{project.scene.cast[index].name} removed"):
        session.choose(0 if project.scene.cast else None)


def _numbers(project: Project, view: picture_view.View) -> None:
    """The keyboard's way: a box as four numbers, eyes and mouth as pairs."""
    index = session.chosen(project.scene)
    if index is None or view.assignment is None:
        st.caption("Choose a character first.")
        return
    height, width = view.size
    area = view.areas.get(index)
    left, top, right, bottom = picture_view.box_of(area) if area is not None else (0, 0, width, height)
    tag = session.tag(project, index)
    columns = st.columns(4)
    values = [
        column.number_input(label, 0, most, int(value), key=f"{label} {tag}")
        for column, label, value, most in zip(
            columns, ("Left", "Top", "Right", "Bottom"), (left, top, right, bottom), (width, height, width, height),
            strict=True,
        )
    ]  # fmt: skip
    if st.button("Use this box", help=f"Makes the box {project.scene.cast[index].name}'s region."):
        _acted(project, {"kind": "box", "box": [float(v) for v in values]})
        st.rerun()
    marked = picture_view.marked_points(project.scene, project.folder, view.size, index)
    st.caption("Eyes and mouth, in pixels of the picture.")
    place, x, y = "Place", "From the left", "From the top"
    rows = [{place: phrase[0].upper() + phrase[1:], x: marked.get(name, (None, None))[0],
             y: marked.get(name, (None, None))[1]} for name, phrase in picture_view.WANTED]  # fmt: skip
    table = st.data_editor(rows, disabled=[place], hide_index=True, key=f"points {tag}")
    if st.button("Use these points", help="Marks the face by hand, for drawings and animals."):
        placed = {name: [row[x], row[y]] for (name, _), row in zip(picture_view.WANTED, table, strict=True)}
        _acted(project, {"kind": "points", "points": placed})
        st.rerun()


def _missing(project: Project) -> None:
    """Files that a restored scene still needs, each asked for by name and checked by its hash."""
    for item in project.missing():
        file = st.file_uploader(f"This scene needs {item.name}", key=session.tag(project, "missing", item.name),
                                help="The very file that the video was made with.")  # fmt: skip
        if file is not None:
            with session.refusals():
                project.supply(item, file.getvalue())
            st.rerun()
