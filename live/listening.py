"""Where a server of ours listens: an address is had before anything slow is done."""

from __future__ import annotations

import ipaddress
import os
import socket

from shared import UserError


def listen(host: str, port: int, *, option: str, backlog: int = 128) -> socket.socket:
    """A socket that listens. option: what the user gave the address with. Raises UserError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise UserError(
            f"{option} {host}: this machine has no such address.", "Use 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # on Windows it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise UserError(
            f"{option} cannot listen at {host}, port {port}: {error.strerror}.",
            "Choose another port, or another host.",
        ) from None
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine's own users can reach it."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def shown_host(host: str) -> str:
    """As it stands in a URL. host: an IP address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return "localhost" if address.is_unspecified else f"[{host}]" if address.version == 6 else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
