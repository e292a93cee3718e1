"""The Lips page: motion curves beside the sound, retakes of a span, and amounts of motion."""

from __future__ import annotations

import html
from typing import Any, get_args

import streamlit as st

from generation.motion.keyframes import HANDLES
from studio.acting.marks import Attitude
from studio.editing import motion_edits
from studio.editing.actions import ChooseSpan, RetakeSpan, SetAmount, Span, read_motion_action
from studio.editor.motion_view import Lanes, newest_lanes
from studio.jobs.job import Job
from studio.jobs.queue import submit
from studio.project.project import Project
from studio.views import layout, motion_files, session
from studio.widgets import mount


def show(project: Project) -> None:
    """Draw the page."""
    scene = project.scene
    if not scene.picture or not scene.script:
        sentence = "Motion is made for faces that speak: a picture and a cast, then their lines."
        layout.empty("First a picture and lines", sentence, "script" if scene.picture else "cast")
        return
    lanes = newest_lanes(project)
    if (lanes is None or not lanes.current) and motion_edits.should_make_motion(project):
        with session.refusals():
            submit(project, "move")
    active = [job for job, _ in layout.running(project) if job.kind == "move"]
    layout.job_strip(project)
    if lanes is None:
        layout.empty("Motion is being made" if active else "Nothing has moved yet",
                    "See how mouths, lids and heads go with the words, then change what you "
                    "like: choose a part of a line, set keys, and only that part is made again.")  # fmt: skip
        if not active:
            _make(project, "Show how everybody moves")
        return
    if not lanes.current:
        left, right = st.columns([5, 2], vertical_alignment="center")
        left.caption("The script was changed since; this shows it as it was.")
        with right:
            if not active:
                _make(project, "Bring it up to date")
    left, right = st.columns([7, 3], gap="medium")
    with left:
        start = _window(lanes)
        span = _chosen(project, lanes)
        sound = mount.media_url(lanes.sound, "lanes") if lanes.sound is not None else ""
        data = {**motion_edits.widget_data(project, lanes, start, span), "sound": {"url": sound}, "busy": bool(active)}
        mount.lanes("lanes", data, lambda message: _acted(project, lanes, message))
        with st.expander("Numbers instead of the mouse"):
            _numbers(project, lanes, span, busy=bool(active))
        with st.expander("Blinks and listening"):
            _listening(project)
        motion_files.show(project)
    with right:
        _compared(project)
        _stills(project, active)


def _make(project: Project, label: str) -> None:
    if st.button(label, type="primary",
                 help="Makes speech and motion as the video will have them, so that it is done sooner."):  # fmt: skip
        with session.refusals():
            submit(project, "move")
        st.rerun()


def _window(lanes: Lanes) -> float:
    """Where the window begins; a short scene fits into one."""
    spare = lanes.data["seconds"] - motion_edits.WINDOW
    if spare <= 0:
        return 0.0
    return float(st.slider("From second", 0, int(spare) + 1, 0, 5, key="lanes from",
                           help=f"The lanes show {motion_edits.WINDOW:.0f} s of the scene at a time."))  # fmt: skip


def _chosen(project: Project, lanes: Lanes) -> Span | None:
    """The span that this window has chosen, while its line is there."""
    name, span = st.session_state.get("lips span") or ("", None)
    if name != project.name or span is None or lanes.line(span.line) is None:
        return None
    return span if span.line in project.line_ids() else None


def _acted(project: Project, lanes: Lanes, message: object) -> None:
    """Something was done in the lanes."""
    with session.refusals():
        match read_motion_action(message):
            case ChooseSpan(span=span):
                chosen = None if span is None else motion_edits.require_line(project, lanes, span)
                st.session_state["lips span"] = (project.name, chosen)
            case RetakeSpan(span=span):
                _retake(project, lanes, span)
            case SetAmount() as action:
                changed = motion_edits.with_amount(project.scene, action)
                project.edit(changed, f"{action.who}'s {action.field}")
                _prove(project, action.who)


def _retake(project: Project, lanes: Lanes, span: Span) -> None:
    options = motion_edits.new_retake(project, lanes, span)
    st.session_state["lips span"] = (project.name, span)
    submit(project, "move", **options)
    st.session_state.pop("lips kept", None)


def _prove(project: Project, who: str) -> None:
    """Have stills of somebody made; those of earlier amounts are no longer wanted."""
    for job, _ in layout.running(project):
        if job.kind == "move" and "who" in job.options:
            job.cancel()
    submit(project, "move", who=who)
    st.session_state["lips who"] = who


def _compared(project: Project) -> None:
    """The line before and after, to keep or to undo."""
    made = motion_edits.compared(project)
    if made is None or st.session_state.get("lips kept") == made.job.id:
        layout.empty("Make a part of a line again",
                    "Drag in a line, press inside the span where the mouth, the lids or the head should go, then make "
                    "it again. Sound and everything else stay.")  # fmt: skip
        return
    with st.container(border=True, key="compared"):
        st.html(f"<b>{html.escape(made.title)}</b>")
        urls = {name: mount.media_url(path, name) for name, path in (("before", made.before), ("after", made.after))}
        mount.compare("compare", {**urls, "stamp": made.job.id, "autoplay": session.is_new(made.job.id)})
        st.caption(made.sentence)
        keep, undo = st.columns(2, gap="small")
        keep.button("Keep", on_click=_keep, args=(made.job,), width="stretch", help="The new motion stays.")
        undo.button("Back to before", on_click=_back, args=(project, made.job), width="stretch",
                    help="The line moves as it did; making it again gives other motion.")  # fmt: skip


def _keep(job: Job) -> None:
    st.session_state["lips kept"] = job.id


def _back(project: Project, job: Job) -> None:
    with session.refusals():
        motion_edits.taken_back(project, job)


def _stills(project: Project, active: list[Job]) -> None:
    """What the amounts of somebody come to, on the face."""
    who = st.session_state.get("lips who")
    index = None if who is None else project.scene.find(who)
    if index is None:
        return
    path = motion_edits.stills(project, index)
    if path is not None:
        st.image(path.read_bytes(), width="stretch", caption=f"{who}: widest mouth, shut lids, farthest turn")
    elif any(job.options.get("who") == who for job in active):
        st.caption(f"{who} is being drawn with the new amounts.")


def _listening(project: Project) -> None:
    """Blinks a minute and attitude of whoever is in the picture."""
    for index in project.scene.on_screen:
        member = project.scene.cast[index]
        stamp = f"{project.name} {member.name} {member.blinks} {member.attitude}"
        name, left, right = st.columns([2, 2, 3], vertical_alignment="bottom")
        name.text(member.name)
        # no value of its own: only then can the field be emptied again
        st.session_state.setdefault(f"lips blinks {stamp}", member.blinks)
        blinks = left.number_input(
            "Blinks a minute", 0.0, 60.0, None, 1.0, key=f"lips blinks {stamp}", placeholder="as they speak",
            help="How often the lids close; empty, as people blink who speak so.",
        )  # fmt: skip
        attitude = right.segmented_control(
            "Listens", get_args(Attitude), default=member.attitude, required=True, key=f"lips attitude {stamp}",
            help="Nods and smiles while another speaks: more of them, or fewer, with a frown.",
        )  # fmt: skip
        if (blinks, attitude) != (member.blinks, member.attitude):
            with session.refusals():
                changed = motion_edits.with_listening(project.scene, member.name, blinks, str(attitude))
                project.edit(changed, f"{member.name}'s blinks and listening")
            st.rerun()


def _numbers(project: Project, lanes: Lanes, span: Span | None, busy: bool) -> None:
    """The keyboard's way: a line, the span as two numbers, its keys as a table."""
    ids = project.line_ids()
    known = [line for line in lanes.data["lines"] if line["id"] in ids]
    if not known:
        st.caption("The script was changed; bring the lanes up to date first.")
        return
    texts = {line["id"]: f"{line['who']}: {project.scene.script[ids.index(line['id'])].text}" for line in known}
    place = 0 if span is None else [line["id"] for line in known].index(span.line)
    stamp = "" if span is None else str(span)
    line_id = st.selectbox("Line", list(texts), index=place, format_func=texts.__getitem__, key=f"lips line {stamp}",
                           help="Whose motion is to be another.")  # fmt: skip
    line = lanes.line(line_id)
    assert line is not None
    length = line["end"] - line["start"]
    first, last = (0.0, length) if span is None or span.line != line_id else (span.start, span.end)
    columns = st.columns(2)
    ends = [
        column.number_input(label, 0.0, length, min(value, length), 0.04, key=f"lips {label} {line_id} {stamp}")
        for column, label, value in zip(columns, ("From (s)", "To (s)"), (first, last), strict=True)
    ]
    keys: list[dict[str, Any]] = span.as_data()["keys"] if span is not None and span.line == line_id else []
    rows = keys or [{"at": None, "channel": None, "value": None}]
    table = st.data_editor(
        rows, num_rows="dynamic", hide_index=True, key=f"lips keys {line_id} {stamp}", width="stretch",
        column_config={
            "at": st.column_config.NumberColumn("Second of the line", min_value=0.0, max_value=length, step=0.04),
            "channel": st.column_config.SelectboxColumn("What", options=list(HANDLES)),
            "value": st.column_config.NumberColumn("Value (0..1, degrees for the head)"),
        },
    )  # fmt: skip
    if st.button("Make this span again", disabled=busy, key="lips numbers",
                 help="Only this span of this person's motion is made again."):  # fmt: skip
        given = [key for key in table if any(value is not None for value in key.values())]
        with session.refusals():
            message = {"kind": "again", "span": {"line": line_id, "start": ends[0], "end": ends[1], "keys": given}}
            if isinstance(action := read_motion_action(message), RetakeSpan):
                _retake(project, lanes, action.span)
        st.rerun()
