"""How many connections there are, how long each may take to ask and to be silent, and who is thrown out.

An event loop serves any number of readers, so what must be bounded is what each can hold: a place, time and
the bytes that were sent and not taken.
"""

from __future__ import annotations

import time
from asyncio import Transport
from dataclasses import dataclass, field

Client = tuple[str, int]

MOST_CONNECTIONS = 96
ARRIVAL_S = 10.0
STALLED_S = 10.0


@dataclass
class Connection:
    """behind_since_s: since when nothing is taken of what waits to be sent; None where nothing waits."""

    transport: Transport
    client: Client
    opened_s: float = field(default_factory=time.monotonic)
    has_asked: bool = False
    waiting_bytes: int = 0
    behind_since_s: float | None = None

    @property
    def is_behind(self) -> bool:
        """Whether it has not yet taken all that was sent to it."""
        return self.transport.get_write_buffer_size() > 0

    def is_overdue(self, now_s: float) -> bool:
        """Whether it took too long to ask, or takes nothing of what it asked for. Asked once a second."""
        before, self.waiting_bytes = self.waiting_bytes, self.transport.get_write_buffer_size()
        if self.waiting_bytes == 0:
            self.behind_since_s = None
        elif self.behind_since_s is None or self.waiting_bytes < before:
            self.behind_since_s = now_s
        is_late = not self.has_asked and now_s - self.opened_s > ARRIVAL_S
        return is_late or (self.behind_since_s is not None and now_s - self.behind_since_s > STALLED_S)

    def took_a_whole_picture(self) -> None:
        self.behind_since_s = None


class Connections:
    """All that are open, by the client's address; for the event loop's thread."""

    def __init__(self) -> None:
        self._open: dict[Transport, Connection] = {}
        self._of_client: dict[Client, Connection] = {}

    def admit(self, transport: Transport) -> None:
        """Takes it in, or cuts it off where there are too many."""
        if len(self._open) >= MOST_CONNECTIONS:
            transport.abort()
            return
        peer = transport.get_extra_info("peername") or ("", 0)  # it may be gone already
        connection = Connection(transport, (peer[0], peer[1]))
        self._open[transport] = self._of_client[connection.client] = connection

    def asked(self, client: Client) -> Connection:
        """The connection of a request that has arrived whole. Raises KeyError for one that is gone."""
        connection = self._of_client[client]
        connection.has_asked = True
        return connection

    def leave(self, transport: Transport) -> None:
        connection = self._open.pop(transport, None)
        if connection is not None and self._of_client.get(connection.client) is connection:
            del self._of_client[connection.client]

    def sweep(self) -> None:
        """Cuts off who is overdue; what waited for them is freed."""
        now_s = time.monotonic()
        for connection in list(self._open.values()):
            if connection.is_overdue(now_s):
                connection.transport.abort()

    def abort_all(self) -> None:
        for connection in list(self._open.values()):
            connection.transport.abort()
