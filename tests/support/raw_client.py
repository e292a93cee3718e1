"""Sends requests as no browser would and writes what came back: ``raw_client.py PORT``, JSON in, JSON out.

A program of its own, as the tests' process has no network. Waits until the server listens.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip


def asked(port: int, request: dict) -> dict:
    """Status, headers and the start of the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": f"127.0.0.1:{port}"} | (UPGRADE if request.get("socket") else {}) | request.get("headers", {})
    connection.putrequest(request.get("method", "GET"), request["path"], skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = b"" if answer.status == 101 else answer.read(2000)
    connection.close()
    return {"status": answer.status, "headers": {n.lower(): v for n, v in answer.getheaders()}, "body": body.decode()}


def main() -> None:
    """Read requests, ask, write answers."""
    port = int(sys.argv[1])
    until = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    json.dump([asked(port, request) for request in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
