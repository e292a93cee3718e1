"""The Video page: checks, quick preview, render job and player."""

from __future__ import annotations

from typing import Any

import streamlit as st

from studio.editor import checklist, picture_view, results
from studio.jobs.estimate import estimate
from studio.jobs.job import Job
from studio.jobs.job_kinds import JOB_KINDS, KindName
from studio.jobs.queue import jobs, retry, submit
from studio.production.settings import RenderSettings
from studio.project.project import Project
from studio.scene.schema import Scene
from studio.views import layout, session
from studio.views.cast import picture_data
from studio.widgets import mount

HEIGHTS = {"As the picture": None, "1080 rows": 1080, "720 rows": 720, "480 rows": 480}


def show(project: Project) -> None:
    """Draw the page."""
    if not project.scene.picture and results.newest_video(project) is None:
        needed = "A video needs a picture, somebody in it who speaks, and what they say."
        layout.empty("First a picture", needed, "cast")
        return
    left, right = st.columns([5, 2], gap="medium")
    active = layout.running(project)
    with right:
        _buttons(project, any(not JOB_KINDS[job.kind].background for job, _ in active))
    with left:
        layout.job_strip(project)
        _stage(project, [job for job, _ in active if job.kind != "hear" and not JOB_KINDS[job.kind].background])


def _buttons(project: Project, busy: bool) -> None:
    report, items = checklist.examine(project)
    quality = _quality_chosen()
    bad = any(item.mark == "bad" for item in items)
    if st.button("Make the video", type="primary", disabled=bad or busy, width="stretch",
                 help="Speech, faces and sound in full quality; you can go on working meanwhile."):  # fmt: skip
        _submit(project, "render", **quality)
    ready = project.scene.picture and project.scene.script
    if st.button("Quick preview", disabled=not ready or busy, width="stretch",
                 help="Full sound and rough mouths, within seconds."):  # fmt: skip
        _submit(project, "preview")
    st.html("".join(layout.check_item(item.mark, item.sentence) for item in items))
    if not bad:
        settings = RenderSettings(height=quality["height"], draft=bool(quality["draft"]))
        guess = estimate(project, report, settings)
        if guess is not None:
            memory = f"{guess.memory_bytes / 1e9:.1f} GB of memory"
            what = "A draft" if quality["draft"] else "The video"
            st.caption(f"{what} takes about {layout.span(guess.seconds_of_work)} and {memory} on this computer.")
    with st.expander("Quality and label"):
        _quality(project)
    with st.expander("Earlier jobs"):
        _earlier(project)


def _submit(project: Project, kind: KindName, **options: Any) -> None:  # noqa: ANN401 - checked by submit
    with session.refusals():
        submit(project, kind, **options)
    st.rerun()


def _quality_chosen() -> dict[str, Any]:
    """Height and draft; kept beside their widgets, which Streamlit forgets when another page is opened."""
    kept = st.session_state.setdefault("quality", ("As the picture", False))
    height = st.session_state.setdefault("quality height", kept[0])
    draft = st.session_state.setdefault("quality draft", kept[1])
    st.session_state["quality"] = (height, draft)
    return {"height": HEIGHTS[height], "draft": draft or None}


def _quality(project: Project) -> None:
    st.selectbox("Height", list(HEIGHTS), key="quality height", help="A smaller video is made sooner.")
    st.toggle("Draft", key="quality draft", help="480 rows at most: rough, but drawn several times as fast.")
    seed = st.number_input("Take of the whole scene", 0, 2**31 - 1, project.scene.seed,
                           key=session.tag(project, "seed"),
                           help="Another number gives other voices' melody and movement.")  # fmt: skip
    if seed != project.scene.seed:
        session.change(project, lambda scene: scene.model_copy(update={"seed": int(seed)}), "Take of the whole scene")
        st.rerun()
    label = st.toggle("Visible label", project.scene.label, key=session.tag(project, "label"),
                      help="A small plate says that it is generated; the mark in the file always stays.")  # fmt: skip
    if label != project.scene.label:
        session.change(project, lambda scene: scene.model_copy(update={"label": label}), "Visible label")
        st.rerun()


def _earlier(project: Project) -> None:
    ended = [(job, status) for job in jobs(project) if (status := job.status()).ended][:6]
    if not ended:
        st.caption("Nothing was made yet.")
    for job, status in ended:
        text = f"{job.when:%H:%M} {JOB_KINDS[job.kind].label}: {status.state}"
        if status.state == "done" or not _again(job):
            st.caption(text)
            continue
        if st.button(f"{text}. Try again", key=f"again {job.id}", help=status.sentence or "Finished lines are kept."):
            with session.refusals():
                retry(job)
            st.rerun()


def _again(job: Job) -> bool:
    return job.status().state in ("failed", "cancelled", "stopped")


def _stage(project: Project, active: list[Job]) -> None:
    """The frames as they come while a job draws, else the newest video, else the picture."""
    if active:
        _frames(active[0], project)
        return
    made = results.newest_video(project)
    if made is None:
        view = picture_view.look(project.scene, project.folder)
        if view.assignment is not None:
            mount.picture("still", picture_data(project, view, None, editable=False))
        if not project.scene.script:
            layout.empty("Now the lines", "Nobody says anything yet; a video needs at least one line.", "script")
            return
        layout.empty("No video yet", "Make it, or see a quick preview first: full sound and rough mouths in seconds.")
        return
    changed = " The scene was changed since; this shows it as it was." if made.outdated else ""
    st.caption(f"{made.label}, {made.size[0]} × {made.size[1]}, {layout.span(made.seconds)}.{changed}")
    time = mount.player("player", player_data(project, made))
    _at(project, made, time)


@st.fragment(run_every=1)
def _frames(job: Job, project: Project) -> None:
    with st.container(key="frames"):
        if _beginning(job):
            return
        if job.preview_picture.is_file():
            st.image(job.preview_picture.read_bytes(), width="stretch", caption="The last finished frame")
        elif project.scene.picture:
            st.image(picture_view.shown_picture(project.media_path(project.scene.picture)), width="stretch")


def _beginning(job: Job) -> bool:
    """The film's beginning while the rest is made; what is being watched stays until more is asked for."""
    shown, when, film = st.session_state.get("beginning", (None, 0, b""))  # one at most is kept in memory
    try:
        written = job.beginning.stat().st_mtime_ns
        asked = shown == job.id and when != written and st.button(
            "Watch more of it", help="By now a longer beginning of the film is finished.")  # fmt: skip
        if shown != job.id or asked:
            film = job.beginning.read_bytes()
            st.session_state["beginning"] = (job.id, written, film)
    except OSError:  # not there yet, or no longer: the film is finished
        return False
    st.video(film, format="video/mp4")
    st.caption("The beginning of the film; the rest is being made.")
    return True


def player_data(project: Project, made: results.FinishedVideo) -> dict[str, Any]:
    """What the player is to show."""
    lines = []
    for line in made.lines:
        index = _first_named(project.scene, line.who)
        colour = "#7f7f7f" if index is None else project.scene.colour_of(index)
        words = [{"text": word["text"], "start": word["start"], "end": word["end"]} for word in line.words]
        lines.append({"who": line.who, "text": line.text, "start": line.start, "end": line.end, "words": words,
                      "colour": colour, "ink": picture_view.ink_on(colour)})  # fmt: skip
    still = picture_view.shown_picture(project.media_path(project.scene.picture)) if project.scene.picture else b""
    poster = mount.media_url(still, "poster", ".jpg") if still else ""
    return {"url": mount.media_url(made.video, "player"), "poster": poster, "lines": lines, "seconds": made.seconds,
            "width": made.size[0], "height": made.size[1], "label": made.label}  # fmt: skip


def _first_named(scene: Scene, label: str) -> int | None:
    """Index of the first of those whom a line's label names."""
    starts = {index: (f"{member.name}, ", f"{member.name} and ") for index, member in enumerate(scene.cast)}
    together = next((index for index, ends in starts.items() if label.startswith(ends)), None)
    return together if (alone := scene.find(label)) is None else alone


def _at(project: Project, made: results.FinishedVideo, time: float) -> None:
    """What can be done where the player stands: have that line said anew."""
    line = next((line for line in made.lines if line.start <= time < line.end), None)
    if line is None or line.id not in project.line_ids() or not time:
        return

    def again() -> None:
        with session.refusals():
            project.new_take(line.id)
            submit(project, "hear", lines=[line.id])

    st.button(f"Say {line.who}'s line at {time:.1f} s in another way", on_click=again,
              help="A new take of this line alone; the other lines stay as they are.")  # fmt: skip
