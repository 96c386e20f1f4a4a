"""The stream's server by itself, with a synthetic picture that changes, and raw sockets to attack it with."""

from __future__ import annotations

import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from live.config import Serving
from live.picture import Picture
from live.scene import Moment
from live.serve import StreamServer
from live.stats import Stats
from shared import Look
from shared.handoff import now_s

PATIENCE_S = 60.0
MOST_BYTES = 4 << 20
needs_serve = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("starlette", "uvicorn", "websockets")),
    reason="the extra serve is not installed",
)


def moment(number: int, *, with_depth: bool = True, size_px: tuple[int, int] = (320, 180)) -> Moment:
    """Noise; its depth grows from left to right, and by `number` everywhere."""
    rng = np.random.default_rng(number)
    frame_bgr = rng.integers(0, 256, (size_px[1], size_px[0], 3), np.uint8)
    depth_map = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1)) + np.float32(number)
    picture = Picture(
        frame_bgr, depth_map if with_depth else None, (float(number), number + 1.0), Look("overlay")
    )
    return Moment(picture, number, now_s(), depth_age_s=number % 3 / 30, is_mirrored=False)


@dataclass
class Streaming:
    port: int
    stats: Stats
    server: StreamServer

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        return connection

    def send(self, text: str | bytes) -> socket.socket:
        connection = self.connect()
        connection.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        return connection

    def ask(self, path: str, *headers: str, method: str = "GET", host: str | None = None) -> bytes:
        """The whole answer to a request, up to the end of the connection."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", *headers]
        with self.send("\r\n".join([*lines, "", ""])) as connection:
            return read_all(connection)

    def handshake(self, path: str, *headers: str, host: str | None = None) -> bytes:
        """How a WebSocket's opening is answered: the first line."""
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", *upgrade, key, *headers]
        with self.send("\r\n".join([*lines, "", ""])) as connection:
            return connection.recv(4096).split(b"\r\n")[0]

    def view(self) -> socket.socket:
        return self.send(f"GET /view.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n")


def subscribe(address: str):  # type: ignore[no-untyped-def]
    """A WebSocket client at /depth."""
    from websockets.sync.client import connect

    return connect(f"ws://{address}/depth")


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes; a reset ends it, too, and so does a stream without end."""
    parts, left_bytes = [], MOST_BYTES
    try:
        while left_bytes > 0 and (part := connection.recv(65536)):
            parts.append(part)
            left_bytes -= len(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def eventually(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


@contextmanager
def streaming(*, token: str | None = None, size_px: tuple[int, int] = (320, 180)) -> Iterator[Streaming]:
    """A server on loopback that is offered 30 pictures a second; at the end it must be gone soon."""
    stats = Stats()
    server = StreamServer(Serving("127.0.0.1", 0, token=token), stats)
    server.start()
    over = threading.Event()

    def offer() -> None:
        number = 0
        while not over.wait(1 / 30):
            server.offer(moment(number, size_px=size_px))
            number += 1

    offering = threading.Thread(target=offer)
    offering.start()
    try:
        yield Streaming(server.port, stats, server)
    finally:
        over.set()
        offering.join()
        server.stop()
        joining = threading.Thread(target=server.join)
        joining.start()
        joining.join(PATIENCE_S)
        assert not joining.is_alive(), "the server does not end"
        server.worker.check()
