"""Python imports this at the start of every program that a quick test starts: no connection leaves the machine."""

from __future__ import annotations

import socket

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise OSError(f"the tests run without network; refused {address}")
    _connect(self, address)


socket.socket.connect = _connect_here
