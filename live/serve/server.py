"""The server's thread: it listens before anything slow is done, serves, and ends within seconds.

Needs the extra `serve`; uvicorn and starlette are imported inside the functions that use them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

from live.config import Serving
from live.listening import is_loopback, listen, shown_host
from live.scene import Moment
from live.serve.broadcast import Broadcast, Channel
from live.serve.connections import Connections
from live.stats import Stats
from live.worker import Worker
from shared import UserError

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger(__name__)

NEEDED = ("starlette", "uvicorn", "websockets")
SEND_BUFFER_BYTES = 256 * 1024
"""The system's own, for each reader: what lies there is sent late to a slow one."""
HEAD_BYTES = 16 * 1024
MESSAGE_BYTES = 1024
POLL_S = 0.1
SWEEP_EVERY = 10
LEAVE_S = 1.0


class StreamServer:
    """Serves what it is offered. Raises UserError when the extra is absent."""

    def __init__(self, serving: Serving, stats: Stats) -> None:
        check_extra()
        self._serving = serving
        self._broadcast = Broadcast(stats)
        self._listener: socket.socket | None = None
        self.host, self.port = serving.host, serving.port
        self.worker = Worker("serving", self._run)

    def start(self) -> None:
        """Raises UserError when the address cannot be had."""
        self._listener = listen(self._serving.host, self._serving.port, option="--serve")
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.host, self.port = self._listener.getsockname()[:2]
        self.worker.start()

    def offer(self, moment: Moment) -> None:
        """Never waits."""
        self._broadcast.offer(moment)

    def announcement(self) -> list[str]:
        """Where it is, and for an address that others can reach, what that means."""
        lines = [f"Serving at http://{shown_host(self.host)}:{self.port}"]
        if is_loopback(self.host):
            return lines
        if self._serving.token is None:
            lines.append(f"Everyone who can reach port {self.port} here sees the camera: there is no token.")
        lines.append("Pictures and the token travel unencrypted: open it in a network that you trust.")
        return lines

    def stop(self) -> None:
        """Asks; join() waits."""
        self.worker.stop()

    def join(self) -> None:
        self.worker.join()
        if self._listener is not None:
            self._listener.close()

    def _run(self, stop: threading.Event) -> None:
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: threading.Event) -> None:
        connections = Connections()
        loop = asyncio.get_running_loop()

        def publish(channel: Channel, serial: int, data: bytes) -> None:
            loop.call_soon_threadsafe(channel.publish, serial, data)

        encoder = Worker("serving: encoder", partial(self._broadcast.run, publish=publish))
        encoder.start()
        one_sentence = OneSentence()
        server_log = logging.getLogger("uvicorn.error")
        server_log.addFilter(one_sentence)
        try:
            await self._serve_until(stop, encoder, connections)
        finally:
            encoder.stop()
            await asyncio.to_thread(encoder.join)
            server_log.removeFilter(one_sentence)
        encoder.check()

    async def _serve_until(self, stop: threading.Event, encoder: Worker, connections: Connections) -> None:
        server = make_server(self._broadcast, connections, self._serving, self.host, self.port)
        running = asyncio.ensure_future(server.serve(sockets=[self._listener] if self._listener else []))
        ticks = 0
        while not stop.is_set() and not running.done() and not encoder.has_failed:
            await asyncio.sleep(POLL_S)
            ticks += 1
            if ticks % SWEEP_EVERY == 0:
                connections.sweep()
        await self._let_readers_go()
        server.should_exit = True
        await asyncio.wait([running], timeout=LEAVE_S)
        connections.abort_all()
        await running

    async def _let_readers_go(self) -> None:
        """Each is told that this is the end; who does not listen is not waited for."""
        self._broadcast.close()
        for _ in range(round(LEAVE_S / POLL_S)):
            if self._broadcast.has_readers:
                await asyncio.sleep(POLL_S)


def make_server(
    broadcast: Broadcast, connections: Connections, serving: Serving, host: str, port: int
) -> uvicorn.Server:
    import uvicorn

    from live.access import Addresses, Token
    from live.serve.app import build_app
    from live.serve.protocols import protocols

    http, websocket = protocols(connections)
    addresses = Addresses.of(host, port, serving.allowed_hosts)
    secret = Token(serving.token) if serving.token else None
    config = uvicorn.Config(
        build_app(broadcast, connections, addresses, secret),
        http=http,
        ws=websocket,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        lifespan="off",
        proxy_headers=False,  # who is counted by an address must not choose it
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def check_extra() -> None:
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise UserError(
            "--serve needs starlette, uvicorn and websockets, which are not all installed.",
            'Install them with: pip install "depth-viewer[serve]", or in a clone: pip install -e ".[serve]"',
        )


class OneSentence(logging.Filter):
    """The server's own remarks about nonsense: one sentence, once; others must not fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._is_said = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets none of them pass as it is."""
        logger.debug("the server: %s", record.getMessage(), exc_info=record.exc_info)
        if record.levelno >= logging.WARNING and not self._is_said:
            self._is_said = True
            reason = record.getMessage().strip().rstrip(".")
            logger.warning("A request that makes no sense was refused: %s. (This is said once.)", reason)
        return False
