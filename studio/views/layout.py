"""Layout of every page: header with undo and versions, job strip, notices, empty states."""

from __future__ import annotations

import gc
import html
from collections.abc import Callable
from functools import cache
from pathlib import Path

import streamlit as st

from studio.jobs.job import Job, JobStatus
from studio.jobs.job_kinds import JOB_KINDS, STAGE_LABELS
from studio.jobs.queue import jobs
from studio.jobs.supervisor import ensure_worker, worker_state
from studio.project.project import Project
from studio.views import session

READING, NARROW = 1350, 750
"""Greatest width in pixels of pages that are read from left to right, and of a first step."""


def style() -> None:
    """The few rules that the theme has no setting for."""
    st.html(f"<style>{_css()}</style>")


@cache
def _css() -> str:
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@cache
def settle(page: str) -> None:
    """Once a page was drawn: leave what it loaded out of the full garbage collection after each of Streamlit's runs.

    That one cost 60 ms a run, also of an idle page's.
    """
    gc.collect()
    gc.freeze()


def empty(title: str, sentence: str, page: str | None = None) -> None:
    """An empty state that teaches: what belongs here, the next step, and a button to the page where it is done."""
    st.html(f'<div class="parley-empty"><h3>{html.escape(title)}</h3><p>{html.escape(sentence)}</p></div>')
    if page is not None and st.button(f"To the page {page.capitalize()}", type="primary", help="The next step."):
        st.switch_page(st.session_state["pages"][page], query_params=dict(st.query_params))


def check_item(mark: str, sentence: str) -> str:
    """HTML of one line of a check list: mark is ``good``, ``bad`` or ``warn``."""
    sign = {"good": "✓", "bad": "✕", "warn": "!"}[mark]
    return f'<div class="parley-check parley-{mark}"><b>{sign}</b><span>{html.escape(sentence)}</span></div>'


def header(project: Project) -> None:
    """Name, undo, redo and versions in one row, then what is to be said."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<div class="parley-name">{html.escape(project.name)}</div>', width="content")
        st.space("stretch")
        _step("Undo", project.undoable, project.undo)
        _step("Redo", project.redoable, project.redo)
        with st.popover("Versions", help="Keep the scene as it is under a name, or go back to one."):
            _versions(project)
    with st.container():  # always there: what follows keeps its place, and what is unfolded in it stays so
        for sentence in filter(None, (project.notice, session.notice())):
            st.warning(sentence, icon=":material/info:")
    st.session_state["drawn revision"] = project.revision
    _watch(project)
    with session.refusals():
        ensure_worker(project.folder.parent)


def _step(label: str, what: str | None, act: Callable[[], None]) -> None:
    def run() -> None:
        with session.refusals():
            act()

    title = f"{label}: {what}" if what else f"There is nothing to {label.lower()}."
    st.button(label, disabled=what is None, help=title, on_click=run, key=label.lower())


def _versions(project: Project) -> None:
    st.text_input("Name of this version", key="version name", placeholder="First draft")

    def save() -> None:
        with session.refusals():
            project.save_version(st.session_state["version name"])

    def restore(wanted: str) -> None:
        with session.refusals():
            project.restore_version(wanted)

    st.button("Keep this version", on_click=save)
    for number, version in enumerate(project.versions()):
        when = version.when[:16].replace("T", " ")
        st.button(f"Back to {version.name}", key=f"version {number}", help=f"Kept {when} UTC; undo takes it back.",
                  on_click=restore, args=(version.name,))  # fmt: skip


@st.fragment(run_every=3)
def _watch(project: Project) -> None:
    """Show what another window changed; costs the look at two files."""
    with session.refusals():
        project.reload_if_changed()
    if project.revision != st.session_state["drawn revision"]:
        st.rerun()


def running(project: Project) -> list[tuple[Job, JobStatus]]:
    """Jobs of the project that wait or run, the first in the queue first."""
    known = [(job, job.status()) for job in jobs(project)]
    return [(job, status) for job, status in reversed(known) if not status.ended]


def job_strip(project: Project) -> None:
    """Stage, percent, time left and a cancel button for each job; asks the disk each second while one runs."""
    active = running(project)
    if not active:
        return

    @st.fragment(run_every=1)
    def strip() -> None:
        with st.container(border=True, key="jobs", gap="xsmall"):
            for job, _ in active:
                status = job.status()
                if status.ended:
                    _ended(job, status)
                    st.rerun()
                _show_job(job, status)

    strip()


def _ended(job: Job, status: JobStatus) -> None:
    if status.state in ("failed", "stopped") and status.sentence:
        session.tell(f"{JOB_KINDS[job.kind].label}: {status.sentence}")
    elif status.state == "cancelled":
        session.tell(f"{JOB_KINDS[job.kind].label} was cancelled; what was finished is kept.")


def _show_job(job: Job, status: JobStatus) -> None:
    with st.container(key=f"job {job.id}", horizontal=True, vertical_alignment="center"):
        if status.state == "running":
            st.progress(min(1.0, status.share), text=job_sentence(job, status))
        else:
            st.caption(job_sentence(job, status), width="stretch")
        if job.cancel_asked:
            st.caption("Stopping …", width="content")
        else:
            st.button("Cancel", key=f"cancel {job.id}", on_click=job.cancel,
                      help="Stop within three seconds; what was finished is kept.")  # fmt: skip


def job_sentence(job: Job, status: JobStatus) -> str:
    """What a job does now, how far it is and how long it still takes."""
    stage = STAGE_LABELS.get(status.stage, status.stage)
    if status.state == "queued" and worker_state(job.root) == "starting":
        stage = STAGE_LABELS["load models"]
    parts = [f"{JOB_KINDS[job.kind].label}: {stage}" + (f" ({status.note})" if status.note else "")]
    if status.state == "running":
        parts.append(f"{100 * status.share:.0f} %")
    if status.seconds_left is not None:
        parts.append(f"about {span(status.seconds_left)} left")
    return ", ".join(parts)


def span(seconds: float) -> str:
    """Seconds as a reader says them."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
