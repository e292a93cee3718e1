"""The Export page: all files of a finished video, one by one or as one archive."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import streamlit as st

from studio.editor import results, storage, subtitle_burner
from studio.jobs.queue import submit
from studio.project import archive
from studio.project.project import Project
from studio.views import layout, session

GROUPS = {
    "video": ("Video", "One file that plays everywhere."),
    "burned": ("Video with subtitles in the picture", "For places that show no subtitle files."),
    "subtitles": ("Subtitles", "With the speakers' names; players and video sites take either file."),
    "stems": ("Sound, one file a person", "For mixing elsewhere; all are as long as the video."),
    "curves": ("Motion, one file a person", "Face curves (ARKit) for Blender, Unity and Unreal."),
    "otio": ("Timeline", "Every line as a clip, for video editors (OpenTimelineIO)."),
}
OTHER_FILMS = {
    "lossless": ("Lossless video", "Outside the moving faces every pixel stays the picture's (MKV)."),
    "prores": ("Transparent background, for video editors", "The cast without the background (ProRes 4444)."),
    "webm": ("Transparent background, for web pages", "The same as VP9."),
}
STORED = {"project": "Scene, media and history", "takes": "Takes", "videos": "Videos",
          "cache": "Kept speech and frames"}  # fmt: skip


def show(project: Project) -> None:
    """Draw the page."""
    layout.job_strip(project)
    made = results.newest_video(project, rendered=True)
    if made is None:
        layout.empty("Nothing to export yet",
                    "Make the video on the page Video; sound, subtitles and motion come with it.", "video")  # fmt: skip
        _whole_project(project)
        return
    if made.outdated:
        st.caption("The scene was changed since this video was made; make it again to have the changes in it.")
    with st.container(width=layout.READING):
        _everything(project, made)
        for group, (title, sentence) in GROUPS.items():
            files = made.groups.get(group, [])
            if group == "burned" and not files:
                _burn(made)
            elif files:
                with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"group {group}"):
                    st.markdown(f"**{title}**  \n{sentence}", width="stretch")
                    for path in files:
                        _download(path, made)
        for film in OTHER_FILMS:
            _other_film(project, film, made)
    _whole_project(project)


def _whole_project(project: Project) -> None:
    """What is there without a film, too: the project as one file, and what it takes on the disk."""
    with st.container(width=layout.READING):
        _archive(project)
        if st.toggle("Storage", key="storage", help="What this project takes on the disk, and what can go."):
            _storage(project)


def _other_film(project: Project, film: str, made: results.FinishedVideo) -> None:
    """A film of another format: to be had where it is there, else to be asked for."""
    title, sentence = OTHER_FILMS[film]
    found = results.other_film(project, film)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"group {film}"):
        changed = " The scene was changed since this one was made." if found and found.outdated else ""
        st.markdown(f"**{title}**  \n{sentence}{changed}", width="stretch")
        if found is not None and found.video is not None:
            # Read when it is clicked: such films are large.
            st.download_button(f"{found.video.suffix[1:].upper()}", found.video.read_bytes, file_name=found.video.name,
                               on_click="ignore", key=f"download {found.video}", mime=results.mime(found.video),
                               help=results.size(found.video))  # fmt: skip
        if found is not None and found.video is None:
            st.caption("Being made …")
        elif (found is None or found.outdated) and st.button("Make it", key=f"make {film}",
                help="As large as the video above; speech and motion are taken from it."):  # fmt: skip
            size = {key: made.job.options.get(key) for key in ("height", "draft", "steps")}
            with session.refusals():
                submit(project, "render", film=film, **size)
            st.rerun()


def _archive(project: Project) -> None:
    """The project itself as one file."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="group project"):
        sentence = "Scene, media, takes and speech, with hashes; the start page makes a project of it again."
        st.markdown(f"**Whole project**  \n{sentence}", width="stretch")
        st.download_button("ZIP", lambda: _packed(project), file_name=f"{project.name} project.zip", key="pack project",
                           mime="application/zip", on_click="ignore", help="Without videos.")  # fmt: skip


def _packed(project: Project) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "project.zip"
        archive.pack(project.folder, target)
        return target.read_bytes()


def _storage(project: Project) -> None:
    """What the project takes on the disk, and what of it can go."""
    for use in storage.storage_use(project.folder):
        with st.container(horizontal=True, vertical_alignment="center", key=f"stored {use.kind}"):
            st.markdown(f"**{STORED[use.kind]}**  \n{use.size / 1e6:.1f} MB in {use.n_files} files", width="stretch")
            if use.spare and st.button(f"Delete {use.spare_size / 1e6:.1f} MB", key=f"clear {use.kind}",
                                       disabled=bool(layout.running(project)),
                                       help=f"Deletes {storage.CLEARED[use.kind]}."):  # fmt: skip
                with session.refusals():
                    storage.clear(project.folder, use.kind)
                st.rerun()


def _everything(project: Project, made: results.FinishedVideo) -> None:
    # Read when it is clicked: a page that is only looked at holds no film in memory.
    st.download_button("Everything as one archive", lambda: results.zipped_files(made).read_bytes(), type="primary",
                       file_name=f"{project.name}.zip", mime="application/zip", on_click="ignore",
                       icon=":material/folder_zip:", help="All files below in one ZIP.")  # fmt: skip


def _download(path: results.Path, made: results.FinishedVideo) -> None:
    st.download_button(results.short_name(path, made), path.read_bytes, file_name=path.name, on_click="ignore",
                       key=f"download {path}", mime=results.mime(path), help=results.size(path))  # fmt: skip


def _burn(made: results.FinishedVideo) -> None:
    """Subtitles drawn into a copy of the video: asked for, because it takes a while, and done by another process."""
    subtitles = next((path for path in made.groups.get("subtitles", ()) if path.suffix == ".vtt"), None)
    if subtitles is None:
        return
    drawing: subprocess.Popen[bytes] | None = st.session_state.get(f"burn {made.job.id}")
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="group burn"):
        title, sentence = GROUPS["burned"]
        st.markdown(f"**{title}**  \n{sentence}", width="stretch")
        if drawing is not None and drawing.poll() is None:
            _wait(drawing)
        elif st.button("Draw them in", help="They are made to fit the picture, also a narrow one."):
            command = subtitle_burner.burn_command(made.video, subtitles)
            st.session_state[f"burn {made.job.id}"] = subprocess.Popen(command)
            st.rerun()


@st.fragment(run_every=1)
def _wait(drawing: subprocess.Popen[bytes]) -> None:
    if drawing.poll() is None:
        st.caption("Being drawn in …")
        return
    if drawing.returncode:
        session.tell("The subtitles could not be drawn in; make the video again, then try once more.")
    st.rerun()
