"""Stable names of a script's lines, made from speaker and text."""

from __future__ import annotations

import hashlib
from collections import Counter

from generation.text.directions import take_directions
from studio.scene.schema import TOGETHER, Scene


def line_names(scene: Scene, takes: bool = True) -> list[str]:
    """Name of each line by what is said and by whom, so that editing another line leaves this one's noise alone.

    Directions in it are not said: with and without them a line is the same take.

    Args:
        scene: the scene; lines of people who are not in its cast are named as well.
        takes: whether another take is another name; without it a line keeps its name from take to take.
    """
    names: list[str] = []
    seen: Counter[str] = Counter()
    for line in scene.script:
        known = [name if (index := scene.find(name)) is None else scene.cast[index].name for name in line.speakers]
        who = TOGETHER.join(known)
        content = [who, take_directions(line.text)[0], repr(line.speed), line.recording or ""]
        if line.channel is not None:
            content.append(f"channel {line.channel}")
        if line.language is not None:
            content.append(f"language {line.language}")
        if takes and line.take:
            content.append(f"take {line.take}")
        name = f"{who}-{hashlib.sha256(chr(10).join(content).encode()).hexdigest()[:10]}"
        seen[name] += 1
        names.append(f"{name}-{seen[name]}")
    return names
