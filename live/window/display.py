"""The X server behind the window. Qt ends the whole process where there is none, and when it goes away."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared import UserError, console

NO_WINDOW_HINT = "Use --no-window --record FILE.mp4, --web to see it in a browser, or depth-video for files."


@contextmanager
def outliving_display(ending: Callable[[], None], *, prog: str) -> Iterator[None]:
    """Calls `ending` in the main thread where Qt ends the process because its display has gone, says so in a
    sentence and ends with exit code 1. Nothing may be asked of Qt any more by then.

    Qt calls C's exit(), of which Python knows nothing; so this is a function of atexit(3)'s, which a list of
    its own lets be taken back. Source: Itanium C++ ABI 3.3.6, "DSO object destruction". Only on glibc.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "gnu_get_libc_version"):
        yield
        return
    is_over = False

    def say_and_end(_: object) -> None:
        if not is_over:
            code = console.run(lambda: _end_without_display(ending), prog=prog)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    called_at_exit = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(say_and_end)
    own_list = ctypes.c_byte()
    libc.__cxa_atexit(called_at_exit, None, ctypes.byref(own_list))
    try:
        yield
    finally:
        is_over = True
        libc.__cxa_finalize(ctypes.byref(own_list))


def _end_without_display(ending: Callable[[], None]) -> int:
    ending()
    name = os.environ.get("DISPLAY", "")
    connection = _connected(name)
    if connection is None:
        raise UserError(f"The display {name} went away.", NO_WINDOW_HINT, exit_code=1)
    connection.close()
    raise UserError(f"The display {name} has cut the window off.", NO_WINDOW_HINT, exit_code=1)


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
