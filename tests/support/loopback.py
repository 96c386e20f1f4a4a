"""A server on the loopback interface that serves one file the way the real world does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Behaviour:
    """What the server does with `content`.

    breaks: how many answers end half-way. ranges: whether it knows Range. bytes_per_s: how fast, if limited.
    stalls: it accepts and says nothing for longer than a test waits.
    requests: the Range header of each request, "" for none.
    """

    content: bytes
    breaks: int = 0
    ranges: bool = True
    status: int = 200
    states_length: bool = True
    bytes_per_s: float | None = None
    stalls: bool = False
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """The address of the file while the server runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, behaviour)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/midas_v21_small_256.pt"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    wanted = handler.headers.get("Range", "")
    behaviour.requests.append(wanted)
    if behaviour.stalls:
        time.sleep(2)
        return
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and behaviour.ranges else 0
    total = len(behaviour.content)
    if start >= total > 0:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{total}")
        handler.end_headers()
        return
    body = behaviour.content[start:]
    handler.send_response(206 if start else behaviour.status)
    if behaviour.states_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if behaviour.breaks > 0:
        behaviour.breaks -= 1
        body = body[: len(body) // 2]
    _send(handler, body, behaviour.bytes_per_s)


def _send(handler: BaseHTTPRequestHandler, body: bytes, bytes_per_s: float | None) -> None:
    step = len(body) if bytes_per_s is None else max(1, int(bytes_per_s / 20))
    for at in range(0, len(body), step or 1):
        try:
            handler.wfile.write(body[at : at + step])
        except OSError:  # the client has gone
            return
        if bytes_per_s is not None:
            time.sleep(1 / 20)


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Serves a folder's files over HTTP on loopback; yields the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
