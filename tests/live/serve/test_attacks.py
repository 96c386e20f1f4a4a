"""What strangers, other sites' pages and broken programs send to --serve: refused, bounded, said once."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from live.config import Serving
from live.serve import connections
from shared import UserError
from tests.support.live_session import no_thread_is_left
from tests.support.streaming import Streaming, eventually, needs_serve, read_all, status, streaming

__all__ = ["no_thread_is_left"]

pytestmark = needs_serve

PATHS = ("/", "/view.mjpg", "/snapshot.png", "/depth.png")
FOREIGN_HOSTS = ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "[::1"]
FROM_ELSEWHERE = [
    "Origin: https://evil.example",
    "Origin: null",
    "Origin: http://127.0.0.1:1",
    "Sec-Fetch-Site: cross-site",
]
NO_PATHS = (
    "/depth",
    "/view.mjpg/",
    "//view.mjpg",
    "/../etc/passwd",
    "/%2e%2e/x",
    "/docs",
    "/%00",
    "/VIEW.mjpg",
    "/view.MJPG",
)
KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


@pytest.fixture
def stream() -> Iterator[Streaming]:
    with streaming() as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(stream: Streaming, path: str, host: str) -> None:
    """DNS rebinding: the attacker's name points to this machine."""
    assert status(stream.ask(path, host=host.format(port=stream.port) or " ")) in (400, 403)


def test_no_host_and_two_hosts_are_refused(stream: Streaming) -> None:
    with stream.send("GET / HTTP/1.0\r\n\r\n") as connection:
        assert status(read_all(connection)) == 403
    assert status(stream.ask("/", "Host: evil.example")) in (400, 403)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", FROM_ELSEWHERE)
def test_another_sites_page_is_refused(stream: Streaming, path: str, header: str) -> None:
    if path == "/" and "Site" in header:
        pytest.skip("a link from another page to ours is no attack")
    assert status(stream.ask(path, header)) == 403


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ((), b"101"),
        (("Origin: http://127.0.0.1:{port}",), b"101"),
        (("Origin: http://evil.example",), b"403"),
        (("Origin: null",), b"403"),
        (("Origin: http://127.0.0.1:{port}", "Origin: http://evil.example"), b"400"),
        (("Origin: http://127.0.0.1.evil.example:{port}",), b"403"),
        (("Sec-Fetch-Site: cross-site",), b"403"),
    ],
)
def test_another_sites_page_gets_no_socket(
    stream: Streaming, headers: tuple[str, ...], answer: bytes
) -> None:
    """Cross-site WebSocket hijacking: browsers do not ask before they open one to another site."""
    lines = [header.format(port=stream.port) for header in headers]
    assert stream.handshake("/depth", *lines).split()[1] == answer
    assert stream.handshake("/depth", *lines, host="evil.example").split()[1] in (b"400", b"403")


def test_other_paths_and_methods_are_not_there(stream: Streaming) -> None:
    for path in NO_PATHS:
        assert status(stream.ask(path)) == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "BREW"):
        assert status(stream.ask("/view.mjpg", method=method)) in (400, 404), method
    assert stream.handshake("/view.mjpg").split()[1] == b"403"


def test_answers_open_nothing_to_other_sites(stream: Streaming) -> None:
    for path in ("/", "/snapshot.png", "/nothing"):
        head = stream.ask(path).split(b"\r\n\r\n")[0].lower()
        assert b"cross-origin-resource-policy: same-origin" in head
        assert b"frame-ancestors 'none'" in head
        assert b"access-control" not in head
        assert b"server:" not in head
        assert b"no-store" in head


NONSENSE = [
    b"\x00" * 100 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a TLS hello
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
    b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /depth HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /depth HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
]


def test_nonsense_is_refused_and_said_once(
    stream: Streaming, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            for text in NONSENSE:
                with stream.send(text.replace(b"PORT", b"%d" % stream.port)) as connection:
                    answer = read_all(connection)
                assert b"Traceback" not in answer
                assert status(answer) in (0, 200, 400, 403, 404, 405, 426, 431), (text[:60], answer[:100])
        for _ in range(3):
            stream.ask("/", host="evil.example")
            stream.ask("/", "Origin: http://evil.example")
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == len(set(said)) <= 3
    assert any("makes no sense" in line for line in said)
    assert all(record.exc_info is None for record in caplog.records if record.levelno >= logging.WARNING)
    assert "Traceback" not in "".join(capfd.readouterr())
    assert status(stream.ask("/")) == 200


def test_a_token_is_asked_for_everywhere() -> None:
    with streaming(token="grün & secret") as stream:
        right = "token=gr%C3%BCn%20%26%20secret"
        for path in PATHS[:1] + PATHS[2:]:
            assert status(stream.ask(path)) == 401
            assert status(stream.ask(f"{path}?token=wrong")) == 401
            assert status(stream.ask(f"{path}?{right}&token=wrong")) == 401
            assert status(stream.ask(f"{path}?{right}", "Origin: http://evil.example")) == 403
        eventually(lambda: status(stream.ask(f"/depth.png?{right}")) == 200)
        assert stream.handshake("/depth").split()[1] == b"403"
        assert stream.handshake("/depth?token=wrong").split()[1] == b"403"
        assert stream.handshake(f"/depth?{right}").split()[1] == b"101"
        assert status(stream.ask("/view.mjpg")) == 401
        page = stream.ask(f"/?{right}")
        assert f"/view.mjpg?{right}".encode() in page


def test_a_token_may_come_as_a_bearer() -> None:
    with streaming(token="secret") as stream:
        assert status(stream.ask("/", "Authorization: Bearer secret")) == 200
        assert status(stream.ask("/", "Authorization: Bearer wrong")) == 401
        assert status(stream.ask("/", "Authorization: Basic c2VjcmV0")) == 401


def test_guessing_a_token_slows_down_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), streaming(token="secret") as stream:
        answers = [status(stream.ask(f"/?token={number}")) for number in range(12)]
        assert answers[:9] == [401] * 9
        assert 429 in answers
        assert status(stream.ask("/?token=secret", "X-Forwarded-For: 10.0.0.1")) == 429
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "token" in said[0]
    assert "secret" not in said[0]


def test_nothing_of_the_request_reaches_the_page_unescaped() -> None:
    with streaming(token="\"><script>alert('x')</script>") as stream:
        page = stream.ask("/?token=%22%3E%3Cscript%3Ealert(%27x%27)%3C/script%3E")
        assert status(page) == 200
        assert b"<script" not in page


def test_who_dawdles_over_the_request_is_cut_off(stream: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: a byte now and then keeps a connection for ever, where nobody counts the time."""
    monkeypatch.setattr(connections, "ARRIVAL_S", 1.0)
    silent = stream.connect()
    begun = stream.send("GET / HTTP/1.1\r\nHost: 127.")
    assert read_all(silent) == b""
    trickled = 0
    try:
        while trickled < 3000:
            begun.sendall(b"0")
            trickled += 1
            begun.settimeout(0.02)
            try:
                if begun.recv(1) == b"":
                    break
            except TimeoutError:
                pass
    except ConnectionError:
        pass
    assert trickled < 3000
    silent.close()
    begun.close()


def test_one_request_for_each_connection(stream: Streaming) -> None:
    """A second one on the same connection could take its time."""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\nConnection: keep-alive\r\n\r\n"
    with stream.send(request * 3) as connection:
        assert read_all(connection).count(b"HTTP/1.1 200") == 1


def test_a_body_is_not_read(stream: Streaming) -> None:
    head = f"GET /view.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\nContent-Length: 1000000000\r\n"
    for more in ("\r\n", "Expect: 100-continue\r\n\r\n"):
        with stream.send(head + more) as connection:
            try:
                for _ in range(200):
                    connection.settimeout(0.05)
                    connection.sendall(bytes(65536))
            except (ConnectionError, TimeoutError):
                pass
    eventually(lambda: stream.stats.view_readers.now == 0)
    assert status(stream.ask("/")) == 200


def test_there_are_not_more_connections_than_places(
    stream: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 10)
    held = [stream.connect() for _ in range(10)]
    eventually(lambda: stream.ask("/") == b"")
    for connection in held:
        connection.close()
    eventually(lambda: status(stream.ask("/")) == 200)


def test_there_are_not_more_readers_than_places(stream: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    from live.serve import app

    monkeypatch.setattr(app, "MOST_READERS", 3)
    held = [stream.view() for _ in range(3)]
    eventually(lambda: stream.stats.view_readers.now == 3)
    assert status(stream.ask("/view.mjpg")) == 503
    for connection in held:
        connection.close()
    eventually(lambda: stream.stats.view_readers.now == 0)
    assert stream.handshake("/depth").split()[1] == b"101"


def test_who_does_not_read_is_skipped_and_then_cut_off(
    stream: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALLED_S", 1.0)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", stream.port))
    lazy.sendall(f"GET /view.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\n\r\n".encode())
    eventually(lambda: stream.stats.view_readers.now == 1)
    eventually(lambda: stream.stats.view_readers.now == 0)
    lazy.close()


def asked_and_not_read(stream: Streaming, path: str) -> socket.socket:
    """A connection that asks and takes nothing, with as little room for answers as the system allows."""
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", stream.port))
    lazy.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\n\r\n".encode())
    return lazy


def test_a_picture_that_nobody_takes_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is complete for the server, but its bytes still wait: more than the system itself holds."""
    monkeypatch.setattr(connections, "STALLED_S", 1.0)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    with streaming(size_px=(1280, 720)) as stream:
        held = []

        def no_place_is_left() -> bool:
            # One more each time: on a busy machine the first may be cut off before the eighth is there.
            with suppress(ConnectionError):
                held.append(asked_and_not_read(stream, "/snapshot.png"))
            return status(stream.ask("/")) == 0

        eventually(no_place_is_left)
        eventually(lambda: status(stream.ask("/")) == 200)
        for lazy in held:
            lazy.close()


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x85\0\0\0\0hello",  # a message: this socket only sends
        b"\x82\xff" + struct.pack(">Q", 1 << 40) + bytes(4) + bytes(1000),  # one of a terabyte
        b"\x81\x05hello",  # not masked
        b"\xff\xff\xff\xff\xff\xff",
        b"\x88\x80\0\0\0\0",  # close
    ],
)
def test_what_a_socket_sends_ends_it(stream: Streaming, frame: bytes) -> None:
    head = f"GET /depth HTTP/1.1\r\nHost: 127.0.0.1:{stream.port}\r\nUpgrade: websocket\r\n"
    with stream.send(f"{head}Connection: Upgrade\r\n{KEY}") as connection:
        eventually(lambda: stream.stats.depth_readers.now == 1)
        connection.sendall(frame)
        eventually(lambda: stream.stats.depth_readers.now == 0)


def test_it_ends_while_readers_hang() -> None:
    """`streaming` itself fails where the end does not come."""
    with streaming() as stream:
        held = []
        for path in ("/view.mjpg", "/snapshot.png"):
            for _ in range(5):
                held.append(asked_and_not_read(stream, path))
        held.append(stream.connect())
        eventually(lambda: stream.stats.view_readers.now == 5)
    for lazy in held:
        lazy.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "camera.example"])
def test_others_come_in_only_by_wish(host: str) -> None:
    with pytest.raises(UserError) as caught:
        Serving(host, 8080)
    assert "--no-token" in caught.value.hint
    Serving(host, 8080, token="x")
    Serving(host, 8080, without_token=True)
