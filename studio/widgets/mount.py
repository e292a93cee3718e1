"""Mounts the editor's widgets, each one HTML, one CSS and one JavaScript file beside this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime

_MIMES = {".mp4": "video/mp4", ".wav": "audio/wav", ".jpg": "image/jpeg", ".png": "image/png"}


def picture(key: str, data: dict[str, Any], on_act: Callable[[dict[str, Any]], None] | None = None) -> None:
    """The picture with coloured regions; ``on_act`` is told: claim, select, stroke, box, points."""
    _mount("picture", key, data, on_act)


def lines(key: str, data: dict[str, Any], on_act: Callable[[dict[str, Any]], None]) -> None:
    """The script; ``on_act`` is called with each finished edit and each request to hear something."""
    _mount("lines", key, data, on_act)


def lanes(key: str, data: dict[str, Any], on_act: Callable[[dict[str, Any]], None]) -> None:
    """Everybody's motion over the sound; ``on_act`` is told: span (chosen, with its keys), again, amount."""
    _mount("lanes", key, data, on_act)


def compare(key: str, data: dict[str, Any]) -> None:
    """Two videos of the same moments in one place, ``before`` and ``after``, played alone or one after the other."""
    _component("compare")(key=key, data=data)


def player(key: str, data: dict[str, Any]) -> float:
    """The player with its lanes; returns the time at which it stands, in seconds, 0 before it was used."""
    result = _component("player")(key=key, data=data, on_time_change=lambda: None)
    return float(result.time or 0.0)


def media_url(file: Path | bytes, place: str, suffix: str | None = None) -> str:
    """Address under which the browser gets a file of the project while the page that names it is open.

    Args:
        file: a path, or the contents.
        place: what it is on the page; the same place shows one file at a time.
        suffix: kind of the contents, such as ``".jpg"``; not needed for a path.
    """
    if not runtime.exists():  # a page that is tested without a server
        return ""
    mime = _MIMES[suffix or Path(str(file)).suffix.lower()]
    return runtime.get_instance().media_file_mgr.add(file if isinstance(file, bytes) else str(file), mime, place)


def _mount(name: str, key: str, data: dict[str, Any], on_act: Callable[[dict[str, Any]], None] | None) -> None:
    """Mount a widget whose acts are numbered and sent until they are known to be done: none is lost or done twice."""
    done = f"{key} done"

    def acted() -> None:
        sent = st.session_state[key].get("act")
        for message in sent if isinstance(sent, list) else ():
            number = message.get("n") if isinstance(message, dict) else None
            if on_act is not None and type(number) is int and st.session_state.get(done, 0) < number < 2**53:
                st.session_state[done] = number
                on_act(message)

    _component(name)(key=key, data={**data, "done": st.session_state.get(done, 0)}, on_act_change=acted)


@cache
def _sources(name: str) -> dict[str, str]:
    folder = Path(__file__).parent
    sources = {kind: (folder / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}
    shared = (folder / "actions.js").read_text(encoding="utf-8")  # a component's script can import no file
    return {**sources, "js": f"{shared}\n{sources['js']}"}


@cache
def _component(name: str) -> Callable[..., Any]:
    sources: dict[str, Any] = _sources(name)
    return st.components.v2.component(f"parley_{name}", **sources)
