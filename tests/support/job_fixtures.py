"""A project with a picture and three lines, and a worker in this process, for tests of jobs."""

from __future__ import annotations

import cv2
from skimage.data import astronaut
from tiny import VOICES

from studio.jobs.worker import serve
from studio.jobs.worker_lock import worker_lock
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import Scene

SCRIPT = [
    {"who": "EILEEN", "text": "One."},
    {"who": "VOICE", "text": "Two.", "pause": 0.4},
    {"who": "EILEEN", "text": "Three.", "pause": 0.4},
]


def make(projects: Projects, name: str = "Two") -> Project:
    project = projects.create(name)
    first, second = VOICES
    picture = cv2.imencode(".png", astronaut()[0:256, 100:356, ::-1])[1].tobytes()
    data = {
        "picture": project.add_media(picture, "one.png"),
        "consent": "drawn",
        "cast": [{"name": "EILEEN", "voice": first}, {"name": "VOICE", "role": "narrator", "voice": second}],
        "script": SCRIPT,
    }
    project.edit(Scene.model_validate(data), "All")
    return project


def work(projects: Projects) -> None:
    """Do all that waits, in this process."""
    with worker_lock(projects.root):
        serve(projects.root, "test", idle_seconds=0.2)
