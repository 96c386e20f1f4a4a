"""The X server behind the window. Qt ends the whole process where there is none, and when it goes away."""

from __future__ import annotations

import os
import re
import socket
import sys

from shared import UserError

NO_WINDOW_HINT = "Use --no-window --record FILE.mp4, --web to see it in a browser, or depth-video for files."


class Display:
    """Watches the display through a connection of our own, to be told of its end before Qt is.

    is_gone: nothing may be asked of Qt any more. Raises UserError where there is no display.
    """

    def __init__(self) -> None:
        require_display()
        self.is_gone = False
        self._name = os.environ.get("DISPLAY", "") if sys.platform == "linux" else ""
        self._connection = _connected(self._name)

    def check(self) -> None:
        """Raises UserError once the display has gone away."""
        if self._connection is None or not _has_ended(self._connection):
            return
        self._connection.close()
        self._connection = _connected(self._name)  # a server may drop who asks for nothing
        if self._connection is None:
            self.is_gone = True
            raise UserError(f"The display {self._name} went away.", NO_WINDOW_HINT, exit_code=1)


def require_display() -> None:
    """Raises UserError where Qt would end the whole process because it finds no X server."""
    if sys.platform != "linux":
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise UserError("There is no display here (DISPLAY is not set).", NO_WINDOW_HINT)
    connection = _connected(display)
    if connection is not None:
        connection.close()
    elif _addresses(display):
        raise UserError(f"The display {display} does not answer.", NO_WINDOW_HINT)


def _addresses(display: str) -> list[tuple[int, object]]:
    """Where an X server of this name listens: ':1' on a Unix socket, 'localhost:10.0' on TCP.

    Empty for a form of name that we do not know: Qt's to judge.
    """
    parts = re.fullmatch(r"(?:unix)?([^:/]*):(\d+)(?:\.\d+)?", display)
    if parts is None:
        return []
    host, number = parts[1], int(parts[2])
    if host:
        return [(socket.AF_INET, (host, 6000 + number))]
    path = f"/tmp/.X11-unix/X{number}"
    return [(socket.AF_UNIX, path), (socket.AF_UNIX, f"\0{path}")]


def _connected(display: str) -> socket.socket | None:
    """A connection to the display, or None where nothing takes one."""
    for family, address in _addresses(display):
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(2.0)
        try:
            connection.connect(address)  # type: ignore[arg-type]
        except OSError:
            connection.close()
        else:
            return connection
    return None


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
