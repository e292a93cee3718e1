"""YAML as plain text, lists and mappings: no aliases, no types, of bounded depth and number of items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

Location = tuple[int | str, ...]
MOST_ITEMS = 30_000
"""Texts, lists and mappings of one document: a scene of half an hour has a tenth of them."""
MOST_DEPTH = 20
_NULLS = ("", "~", "null", "Null", "NULL")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""LibYAML's parser where it was built: ten times as fast."""


class PlainYamlError(ValueError):
    """Text that cannot be read; ``what`` is a clause, ``repair`` what to do, ``line`` counts from 1."""

    def __init__(self, what: str, repair: str = "", line: int | None = None) -> None:
        self.what, self.repair, self.line = what, repair, line
        super().__init__(f"{what}; {repair}" if repair else what)


def read_plain_yaml(text: str) -> tuple[Any, dict[Location, int]]:
    """A YAML document whose scalars all stay the text that they are written in: "No", "12" or "1e5" may be a name.

    Args:
        text: the document.

    Returns:
        Texts, lists, dictionaries and None, and the line, from 1, of each by its location; of a value that has a key,
        the key's.

    Raises:
        PlainYamlError: no YAML, an alias, a key that is no text or occurs twice, more than :data:`MOST_ITEMS` items or
            :data:`MOST_DEPTH` levels. Aliases make a small file any size, so there are none.
    """
    reader = _Reader(text)
    try:
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"not valid YAML: {error.problem or error.context}"
        raise PlainYamlError(what, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise PlainYamlError(f"not valid YAML: {str(error).splitlines()[0]}") from None
    return data, reader.lines


class _Reader:
    """Builds the data while the parser's events come, so that nothing grows before it is counted."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Location, int] = {}
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_Loader)
        self._n_items = 0

    def document(self) -> Any:  # noqa: ANN401 - any plain value
        data: Any = None
        n_documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    raise PlainYamlError("a second document begins", "keep one", event.start_mark.line + 1)
                data = self._item(next(self._events), ())
        return data

    def _item(self, event: yaml.Event, location: Location) -> Any:  # noqa: ANN401 - any plain value
        line = event.start_mark.line + 1
        self._n_items += 1
        if self._n_items > MOST_ITEMS:
            raise PlainYamlError(f"more than {MOST_ITEMS} items", "split the file", line)
        if len(location) > MOST_DEPTH:
            raise PlainYamlError("nested too deeply", "four levels are enough", line)
        if isinstance(event, yaml.AliasEvent):
            raise PlainYamlError(f"aliases (*{event.anchor[:40]}) are not allowed; write the text out", line=line)
        self.lines.setdefault(location, line)
        if isinstance(event, yaml.ScalarEvent):
            return None if event.style in (None, "") and event.value in _NULLS else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(location)
        return self._mapping(location)

    def _list(self, location: Location) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            data.append(self._item(event, (*location, len(data))))
        return data

    def _mapping(self, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise PlainYamlError("a key should be a word, not a list or a mapping", line=line)
            key = event.value
            if key in data:
                raise PlainYamlError(f"the key {key[:60]!r} occurs twice", "keep one", line)
            self.lines[(*location, key)] = line
            data[key] = self._item(next(self._events), (*location, key))
        return data
