"""Who may use a server of ours: under which addresses, from which page, by which routes, with which secret.

A page of any web site can send requests to 127.0.0.1, and by letting its own name point there (DNS rebinding)
it could read the answers too. So the Host must be an address that this server was opened under, an Origin
must be the page's own, and what is not on the list of routes is not there. Pure ASGI, so that streams stay
streams; the same for HTTP and for WebSockets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
FREE_TRIES = 10
LONGEST_WAIT_S = 60.0
CLIENTS_REMEMBERED = 10_000
USUAL_PORTS = (80, 443)  # browsers leave them out of the Host


@dataclass(frozen=True)
class Addresses:
    """Under which Host headers a server answers.

    names: whole values, lower case. every_own: also the machine's own address at which a request came in, for
    a server that listens at all of them; it is a number, and numbers cannot be rebound.
    """

    names: frozenset[str]
    every_own: bool = False

    @classmethod
    def of(cls, host: str, port: int, more: Iterable[str] = ()) -> Addresses:
        """host: where the server listens, an IP address. more: further names, as behind a proxy."""
        address = ipaddress.ip_address(host.partition("%")[0])
        own = [f"[{host}]" if address.version == 6 else host]
        if address.is_loopback or address.is_unspecified:
            own += LOOPBACK_NAMES
        names = {f"{name}:{port}" for name in (*own, *more)} | set(more)
        if port in USUAL_PORTS:
            names.update(own)
        return cls(frozenset(name.lower() for name in names), every_own=address.is_unspecified)

    def has(self, host: str, arrived_at: tuple[str, int] | None) -> bool:
        """arrived_at: the local end of the connection, where the server knows it."""
        if host.lower() in self.names:
            return True
        if not self.every_own or arrived_at is None:
            return False
        address, port = arrived_at
        own = f"[{address}]" if ":" in address else address
        return host == f"{own}:{port}" or (port in USUAL_PORTS and host == own)


class Secret(Protocol):
    """What a visitor must bring. said: logged once when it is missing or wrong; None for nothing."""

    said: str | None

    def refusal(self, scope: Message) -> JSONResponse | None:
        """None for the right one."""
        ...


class Tries:
    """Compares what is given with one secret, and slows down who guesses.

    After FREE_TRIES wrong ones a client waits before the next is looked at: one second, then twice as long
    after each further one.
    """

    def __init__(self, secret: str) -> None:
        self._digest = _digest(secret)
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """How long this client's next try is not looked at; 0 or less for not at all."""
        return self._wrong.get(client, (0, 0.0))[1] - time.monotonic()

    def is_right(self, given: str, client: str) -> bool:
        if hmac.compare_digest(_digest(given), self._digest):
            self._wrong.pop(client, None)
            return True
        wrong = self._wrong.get(client, (0, 0.0))[0] + 1
        wait_s = min(2.0 ** (wrong - FREE_TRIES), LONGEST_WAIT_S) if wrong >= FREE_TRIES else 0.0
        self._wrong[client] = (wrong, time.monotonic() + wait_s)
        self._wrong.move_to_end(client)
        while len(self._wrong) > CLIENTS_REMEMBERED:
            self._wrong.popitem(last=False)
        return False


class Password:
    """One password for everybody, by HTTP's Basic scheme (RFC 7617); the user's name does not matter."""

    said: str | None = None  # browsers ask without one first

    def __init__(self, secret: str) -> None:
        self._tries = Tries(secret)

    def refusal(self, scope: Message) -> JSONResponse | None:
        given, client = _given_password(Headers(scope=scope).get("authorization", "")), _client(scope)
        if given is None:
            return _asks_for_password("This page needs a password.")
        if (left_s := self._tries.wait_s(client)) > 0:
            return _must_wait(left_s, "passwords")
        return (
            None if self._tries.is_right(given, client) else _asks_for_password("This is not the password.")
        )


class Token:
    """One for every program: `?token=...` where only an address can be given, or a Bearer (RFC 6750)."""

    said: str | None = "A request without the right token was refused."

    def __init__(self, secret: str) -> None:
        self._tries = Tries(secret)

    def refusal(self, scope: Message) -> JSONResponse | None:
        given, client = given_token(scope), _client(scope)
        if not given:
            return JSONResponse({"message": "This needs a token: add ?token=..."}, 401)
        if (left_s := self._tries.wait_s(client)) > 0:
            return _must_wait(left_s, "tokens")
        return (
            None if self._tries.is_right(given, client) else JSONResponse({"message": "Not the token."}, 401)
        )


def given_token(scope: Message) -> str:
    """'' for none, and for more than one."""
    scheme, _, bearer = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    try:
        query = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=8)
    except ValueError:
        return ""
    given = query.get("token", [])
    return given[0] if len(given) == 1 else ""


def _client(scope: Message) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _must_wait(left_s: float, what: str) -> JSONResponse:
    message = f"Too many wrong {what}; wait {left_s:.0f} s."
    return JSONResponse({"message": message}, 429, {"Retry-After": f"{left_s + 1:.0f}"})


def _digest(text: str) -> bytes:
    """Of one length whatever the text's is, so that a comparison tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _given_password(authorization: str) -> str | None:
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return None


def _asks_for_password(message: str) -> JSONResponse:
    challenge = {"WWW-Authenticate": 'Basic realm="Depth viewer", charset="UTF-8"'}
    return JSONResponse({"message": message}, 401, challenge)


class Access:
    """An ASGI application before which every request must show that it may come in.

    is_open(method, path): whether there is something for this request; else 404. method: 'WEBSOCKET' for one.
    """

    def __init__(
        self,
        app: Application,
        addresses: Addresses,
        *,
        is_open: Callable[[str, str], bool],
        secret: Secret | None = None,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._is_open = is_open
        self._secret = secret
        self._logged: set[str] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal is None:
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        await refusal(scope, receive, send)

    def _refusal(self, scope: Message) -> JSONResponse | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._addresses.has(hosts[0], scope.get("server")):
            return self._told(
                "host", f"A request for the host {hosts!r} was refused; --allow-host NAME allows a name."
            )
        if any(not _is_of(origin, hosts[0]) for origin in origins):
            return self._told("origin", f"A request from another page, {origins!r}, was refused.")
        is_first = scope["path"] == "/" and scope.get("method") == "GET"
        if not is_first and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return self._told("site", "A request from another site's page was refused.")
        if self._secret is not None:
            refusal = self._secret.refusal(scope)
            if refusal is not None:
                self._say("secret", self._secret.said)
                return refusal
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        if not self._is_open(method, scope["path"]):
            return JSONResponse({"message": "There is nothing here."}, 404)
        return None

    def _told(self, kind: str, sentence: str) -> JSONResponse:
        self._say(kind, sentence)
        return JSONResponse({"message": "Only this server's own page may ask that."}, 403)

    def _say(self, kind: str, sentence: str | None) -> None:
        """Logged once of each kind: a log that an attacker can fill helps nobody."""
        if sentence is not None and kind not in self._logged:
            self._logged.add(kind)
            logger.warning("%s (This is said once.)", sentence[:300])


def _is_of(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
