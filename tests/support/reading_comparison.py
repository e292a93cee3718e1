"""Compares how a written line was read with how it should be."""

from __future__ import annotations

import re


def folded(text: str) -> str:
    """Spelt capitals joined (P M = PM), lower case, no punctuation, and/the/of dropped, oh = zero, one spelling."""
    text = re.sub(r"\b(?:[A-Z]\.? )+[A-Z](?:'?s)?\b", lambda run: re.sub(r"[ .]", "", run.group(0)), text)
    text = re.sub(r"[^\w\s']", " ", text.lower().replace("-", " "))
    text = re.sub(r"\b(and|the|of)\b", " ", text)
    text = re.sub(r"\boh?\b", "zero", text)
    return " ".join(
        re.sub(r"(\w)tre(s?)\b", r"\1ter\2", text).replace("programme", "program").replace("'s", "s").split()
    )


def holds(read: str, must: str, never: str = "") -> bool:
    """All fragments of ``must`` (by ;, each with alternatives by |) in this order, none of ``never`` (by ;)."""
    read = f" {folded(read)} "
    at = 0
    for fragment in filter(None, must.split(";")):
        found = [place for one in fragment.split("|") if (place := read.find(f" {folded(one)} ", at)) >= 0]
        if not found:
            return False
        at = min(found)
    return not any(f" {folded(one)} " in read for one in filter(None, never.split(";")))
