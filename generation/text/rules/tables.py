"""Tables of generation/text/data, each read once when a line of text first needs it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def table_rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of a table ``data/<name>.tsv`` by the names of its head; a ``#`` in the first column begins a comment."""
    text = files("generation.text").joinpath("data", f"{name}.tsv").read_text("utf-8")
    read = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple({key: value or "" for key, value in row.items()} for row in read)


@cache
def column(name: str, key: str, value: str) -> dict[str, str]:
    """One column of a table by another."""
    return {row[key]: row[value] for row in table_rows(name)}


@cache
def words(name: str) -> frozenset[str]:
    """The words of ``data/<name>.txt``, between white space; lines that begin with ``# `` are comments."""
    text = files("generation.text").joinpath("data", f"{name}.txt").read_text("utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("# ") for word in line.split())


@cache
def group(name: str) -> tuple[str, ...]:
    """The words, or several words, of one row of ``data/groups.tsv``."""
    return tuple(column("groups", "group", "words")[name].split(","))
