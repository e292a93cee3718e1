"""A client of the service in Python; needs nothing of Parley but this file, and httpx2."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

ADDRESS = "http://127.0.0.1:8502"
Answer = dict[str, Any]
"""An answer of the service as plain data; its OpenAPI schema, at ``/openapi.json``, says what is in it."""


class ServiceRefusal(RuntimeError):
    """The service refused; the sentence says why, ``status`` is the HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """Calls of the service.

    Args:
        address: of the service; None = the environment variable ``PARLEY_SERVICE``, else this computer's.
        token: of the service; None = the environment variable ``PARLEY_TOKEN``, else none.
        http: makes the connections, in place of a client of httpx2's own.
    """

    def __init__(self, address: str | None = None, token: str | None = None, http: httpx2.Client | None = None) -> None:
        token = token or os.environ.get("PARLEY_TOKEN")
        self._http = http or httpx2.Client(base_url=address or os.environ.get("PARLEY_SERVICE") or ADDRESS, timeout=60)
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Client:
        """Use the client in a ``with`` statement, which closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def voices(self) -> list[Answer]:
        """The voices that scenes can name."""
        voices: list[Answer] = self._call("GET", "/voices")
        return voices

    def styles(self) -> list[Answer]:
        """The styles that scenes can give to each character."""
        styles: list[Answer] = self._call("GET", "/styles")
        return styles

    def check(self, scene: Answer | str, files: Mapping[str, Path | bytes] | None = None, folder: str = "") -> Answer:
        """What is wrong with a scene.

        Args:
            scene: as data, or the text of a scene file.
            files: its files, by the names that it has for them.
            folder: where its other files lie, in the service's folder of projects.
        """
        return self._send("/check", {"scene": scene, "folder": folder}, files)

    def render(
        self,
        scene: Answer | str | None = None,
        files: Mapping[str, Path | bytes] | None = None,
        **options: str | int | bool,
    ) -> Answer:
        """Submit a film; ``options`` are ``project``, ``folder``, ``draft``, ``height``, ``steps`` and ``film``."""
        return self._send("/jobs", {"scene": scene, **options}, files)

    def say(self, text: str, voice: str, **options: Any) -> Answer:  # noqa: ANN401 - numbers and a mapping
        """Submit a line to be spoken; ``options`` are ``language``, ``speed``, ``styles``, ``seed`` and ``steps``."""
        return self._send("/speech", {"text": text, "voice": voice, **options})

    def unpack(self, archive: Path, project: str) -> Answer:
        """Make a project of an archive that ``parley archive out`` wrote."""
        with archive.open("rb") as file:
            return self._one("POST", "/projects", data={"name": project}, files={"archive": (archive.name, file)})

    def job(self, job: str) -> Answer:
        """Where a job stands."""
        return self._one("GET", f"/jobs/{job}")

    def cancel(self, job: str) -> Answer:
        """Ask a job to stop."""
        return self._one("DELETE", f"/jobs/{job}")

    def events(self, job: str) -> Iterator[Answer]:
        """Where a job stands, at each change until it has ended."""
        with self._http.sse(f"/jobs/{job}/events", timeout=60) as source:
            for event in source:
                yield json.loads(event.data)

    def wait(self, job: str, listener: Callable[[Answer], None] = lambda status: None) -> Answer:
        """The last status of a job, which is done.

        Raises:
            ServiceRefusal: it failed, was stopped or cancelled.
        """
        status: Answer = {"state": "stopped", "sentence": "The service ended."}
        for status in self.events(job):
            listener(status)
        if status["state"] != "done":
            raise ServiceRefusal(status["sentence"] or f"The job is {status['state']}.", 200)
        return status

    def save(self, job: str, name: str, target: Path) -> Path:
        """Write one of a job's results, such as ``video`` or ``sound``, to a file."""
        with self._http.stream("GET", f"/jobs/{job}/results/{name}") as answer, target.open("wb") as file:
            if answer.is_error:
                answer.read()
            _checked(answer)
            for block in answer.iter_bytes():
                file.write(block)
        return target

    def _send(self, path: str, request: Answer, files: Mapping[str, Path | bytes] | None = None) -> Answer:
        if not files:
            return self._one("POST", path, json=request)
        with ExitStack() as opened:
            parts = []
            for name, file in files.items():
                content = file if isinstance(file, bytes) else opened.enter_context(file.open("rb"))
                parts.append(("files", (name, content)))
            return self._one("POST", f"{path}/upload", data={"request": json.dumps(request)}, files=parts)

    def _one(self, method: str, path: str, **what: Any) -> Answer:  # noqa: ANN401 - handed on to httpx2
        answer: Answer = self._call(method, path, **what)
        return answer

    def _call(self, method: str, path: str, **what: Any) -> Any:  # noqa: ANN401 - handed on to httpx2
        return _checked(self._http.request(method, path, **what)).json()


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """The answer, unless it is a refusal."""
    if answer.is_error:
        try:
            sentence = str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            sentence = f"The service answered {answer.status_code}."
        raise ServiceRefusal(sentence, answer.status_code)
    return answer
