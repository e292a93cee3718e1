"""Fine-tuning on the Cast page: upload of clips, their inspection, the training job, and its result."""

from __future__ import annotations

import html
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from studio.core.storage import safe_name
from studio.editor import finetuning
from studio.jobs.job import Job, JobStatus
from studio.jobs.queue import retry
from studio.project.project import Project
from studio.project.uploads import SOUNDS
from studio.scene.schema import STATEMENT_NEEDED
from studio.views import layout, session

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

WHOSE = {
    "me": "Mine",
    "agreed": "Someone's who agreed",
    "drawn": "Nobody's: made by a machine",
    "public": "Someone's who died or is public",
}
_WORDS = ".txt"
_CLIPS, _AGAIN = "clips", "again"


def show(project: Project, index: int) -> None:
    """A fold with the next step: the clips, what is said of them, how far the fine-tuning is, or its result."""
    with st.expander("Train a style", key=f"teach {project.name} {index}"):
        job = finetuning.latest_job(project, index)
        wanted = st.session_state.get(_wanted(project, index))
        if job is None or wanted == (job.id, _CLIPS):
            _form(project, index)
            return
        if wanted == (job.id, _AGAIN) and (inspection := finetuning.inspection_of(project, job)) is not None:
            _clip_report(project, index, inspection)
            return
        status = job.status()
        if not status.ended:
            _under_way(project, job)
        elif status.state != "done":
            _ended(project, index, job, status)
        elif job.kind == "inspect":
            _clip_report(project, index, job)
        else:
            _result(project, index, job)


def _wanted(project: Project, index: int) -> str:
    """Key of what is wanted after which job: other clips, or the same once more."""
    return f"wanted after {project.name} {index}"


def _form(project: Project, index: int) -> None:
    """Clips with their words, a name, and whose voice it is."""
    tag = f"{project.name} {index}"
    st.caption("Drop a handful of clips, together about two minutes, in which one person speaks as this character is to"
               " speak. A small adapter learns the voice and its style; nothing leaves this computer.")  # fmt: skip
    files = st.file_uploader("Clips", [kind[1:] for kind in (*SOUNDS, _WORDS)], accept_multiple_files=True,
                             key=f"clips {tag}", help="Sound; words in a .txt of the same name.")  # fmt: skip
    clips = {file.name: file for file in files if not _is_text(file)}
    script = _words(files, tag) if clips else ""
    name = st.text_input("Name of the style", key=f"style name {tag}", max_chars=40, placeholder="Grandfather")
    consent = st.radio("Whose voice is it?", list(WHOSE), format_func=WHOSE.get, index=None, key=f"whose {tag}",
                       help="Kept in the adapter's file.")  # fmt: skip
    statement = ""
    if consent in STATEMENT_NEEDED:
        statement = st.text_input("Who is it, and who agreed?", key=f"statement {tag}", max_chars=300,
                                  placeholder="Ada Byron, agreed by letter on 3 May")  # fmt: skip
    if st.button("Look at the clips", type="primary", key=f"look {project.name} {index}", disabled=not clips,
                 help="Says clip by clip what can be used; nothing is trained yet."):  # fmt: skip
        with session.refusals():
            sounds = {title: file.getvalue() for title, file in clips.items()}
            finetuning.submit_inspection(project, index, name, consent or "", statement, sounds, script)
        st.rerun()


def _is_text(file: UploadedFile) -> bool:
    return Path(file.name).suffix.lower() == _WORDS


def _words(files: list[UploadedFile], tag: str) -> str:
    """A line for each clip, filled in from the texts; what was written stays when clips are added."""
    clips = [_plain(file) for file in files if not _is_text(file)]
    texts = {_plain(file): file.getvalue().decode("utf-8-sig", "replace") for file in files if _is_text(file)}
    key, last = f"words {tag} {hash((*clips, *texts))}", f"words of {tag}"
    written = {}
    with suppress(ValueError):
        former = st.session_state.get(last)
        written = finetuning.words_of("" if former is None else st.session_state.get(former, ""), clips)
    st.session_state[last] = key
    offered = finetuning.script_of({clip: written.get(clip) or texts.get(clip, "") for clip in clips})
    heard = "Left empty, Whisper listens for them." if finetuning.transcription_installed() else (
        "No Whisper is installed here, so every clip needs its words.")  # fmt: skip
    script = st.text_area("What is said in them", offered, key=key, height=140,
                          help="The words behind each clip's name and a colon.")  # fmt: skip
    st.caption(heard)
    return script


def _plain(file: UploadedFile) -> str:
    return Path(safe_name(file.name)).stem


def _under_way(project: Project, job: Job) -> None:
    name = html.escape(job.options["name"])
    if job.kind == "inspect":
        st.html(f"The clips of <b>{name}</b> are being looked at.")
        return
    length = layout.span(finetuning.expected_training_seconds(project.folder.parent, job.options["minutes"]))
    st.html(f"<b>{name}</b> is being trained, which takes about {length}. Go on working meanwhile: whatever else you"
            " ask for goes first.")  # fmt: skip


def _ended(project: Project, index: int, job: Job, status: JobStatus) -> None:
    """What went wrong, and both ways on."""
    cancelled = (
        "It was cancelled; tried again, it goes on near there." if job.kind == "finetune" else "It was cancelled."
    )
    st.html(layout.check_item("bad", status.sentence or cancelled))

    def again() -> None:
        with session.refusals():
            retry(job)

    with st.container(horizontal=True):
        st.button("Try again", key=f"again {job.id}", on_click=again, help="With the same clips.")
        _others(project, index, "Other clips")


def _others(project: Project, index: int, label: str, wanted: str = _CLIPS) -> None:
    """A button to what comes after the newest job: other clips, or the same once more."""

    def want() -> None:
        job = finetuning.latest_job(project, index)
        st.session_state[_wanted(project, index)] = (job.id if job else "", wanted)

    what = "Begin with other clips" if wanted == _CLIPS else "The same clips once more, for another time"
    st.button(label, key=f"{wanted} {project.name} {index}", on_click=want, help=f"{what}; what is there stays.")


def _clip_report(project: Project, index: int, job: Job) -> None:
    """What is said of each clip, then how long to train."""
    report = finetuning.clip_report(job)
    lines = [layout.check_item("bad", sentence) for sentence in report.faults]
    lines += [layout.check_item("warn", sentence) for sentence in report.warnings]
    if report.refusal:
        lines.append(layout.check_item("bad", report.refusal))
    elif report.usable:
        pieces = "1 piece" if len(report.usable) == 1 else f"{len(report.usable)} pieces"
        lines.append(layout.check_item("good", f"{pieces} of together {report.seconds:.0f} s can be trained on."))
    if report.usable:
        heard = "".join(
            f"<li>{html.escape(f'{name}, {seconds:.0f} s: {words}')}</li>" for name, seconds, words in report.usable
        )
        lines.append(f'<details class="parley-does"><summary>What is said in them</summary><ul>{heard}</ul></details>')
    st.html("".join(lines))
    if not report.refusal:
        root = project.folder.parent
        lengths = {key: f"{key.capitalize()}: about {layout.span(finetuning.expected_training_seconds(root, minutes))}"
                   for key, minutes in finetuning.LENGTHS.items()}  # fmt: skip
        length = st.radio("How long?", list(lengths), index=1, key=f"length {job.id}", format_func=lengths.get,
                          help="Short shows the direction; normal is what a voice takes.")  # fmt: skip
    with st.container(horizontal=True):
        label = f"Train {safe_name(job.options['name'])}"
        if not report.refusal and st.button(label, type="primary", key=f"teach {job.id}",
                                           help="In the background; you can stop it and go on later."):  # fmt: skip
            with session.refusals():
                finetuning.submit_finetuning(project, index, job, finetuning.LENGTHS[length])
            st.rerun()
        _others(project, index, "Other clips")


def _result(project: Project, index: int, job: Job) -> None:
    """Before and after, to be heard and in figures."""
    result = finetuning.finetuning_result(job)
    name = html.escape(job.options["name"])
    if result is None:
        st.html(f"<b>{name}</b> was trained; its sounds are no longer there.")
    else:
        who = html.escape(job.options["who"])
        chosen = result.style in project.scene.cast[index].styles
        kept = "chosen above" if chosen else "among the styles above"
        st.html(f"<b>{name}</b> was trained and is {kept}. {who} without and with it:")
        for title, sound in (("Before", result.before), ("With it", result.after)):
            if sound.is_file():
                st.caption(title)
                st.audio(str(sound))
        st.html(_table(result.figures) + f'<div class="parley-does">{html.escape(result.summary)}</div>')
    with st.container(horizontal=True):
        if finetuning.inspection_of(project, job) is not None:
            _others(project, index, "Train it again", _AGAIN)
        _others(project, index, "Train another")


def _table(rows: tuple[tuple[str, float, float, float], ...]) -> str:
    lines = ["<tr><th></th><th>before</th><th>with it</th><th>clips</th></tr>"]
    for title, *values in rows:
        cells = "".join(f"<td>{_number(value)}</td>" for value in values)
        lines.append(f"<tr><td>{html.escape(title)}</td>{cells}</tr>")
    return f'<table class="parley-figures">{"".join(lines)}</table>'


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.1f}"
