"""What an attacker would send to the page's server: nothing is read that was not given, nothing hangs."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.web_server import (
    PATIENCE_S,
    WebServer,
    running_browser,
    running_server,
    server,
    skip_without_browser,
)

__all__ = ["server"]

OPEN_ROUTES = {
    "GET /",
    "GET /theme.css",
    "GET /assets/{path:path}",
    "GET /static/{path:path}",
    "GET /depth/assets/{name}",
    "POST /depth/photos",
    "GET /depth/photos/{key}/picture.png",
    "GET /depth/photos/{key}/depth16.png",
    "GET /depth/photos/{key}/model.glb",
    "POST /depth/clips",
    "POST /depth/clips/{key}/upload",
    "GET /depth/clips/{key}/status",
    "POST /depth/clips/{key}/cancel",
    "GET /depth/clips/{key}/depth.mp4",
    "POST /depth/cameras",
    "POST /depth/cameras/{key}",
    "POST /depth/cameras/{key}/close",
}


def ask(
    server: WebServer, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    """A request as it is written here: Host and all, nothing made right by a library."""
    port = int(server.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", headers.pop("Host", f"127.0.0.1:{port}"))
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize("key", ["0" * 64, "x", "..", "%2e%2e%2fsecret", "a" * 4000])
def test_a_model_is_had_only_by_the_key_of_a_photo(server: WebServer, key: str) -> None:
    """Not by guessing, not by climbing out, not by another method; and the refusal names nothing."""
    status, body, _ = ask(server, "GET", f"/depth/photos/{key}/model.glb")
    assert status == 404
    assert set(json.loads(body)) == {"message"}
    assert ask(server, "POST", f"/depth/photos/{key}/model.glb")[0] in (404, 405)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("private") / "secret.txt"
    path.write_text("the user's own secret")
    return path


def file_data(path: str, **more: Any) -> bytes:
    data = {"path": path, "meta": {"_type": "gradio.FileData"}, **more}
    return json.dumps({"data": [data], "fn_index": 0, "session_hash": "s"}).encode()


@pytest.mark.parametrize(
    "route",
    [
        "/gradio_api/run/predict",
        "/run/predict",
        "/gradio_api/run/0",
        "/gradio_api/api/predict",
        "/gradio_api/call/predict",
        "/gradio_api/call/x/y",
        "/gradio_api/queue/join",
        "/queue/join",
        "/gradio_api/upload",
        "/gradio_api/component_server",
        "/gradio_api/stream/x/0/0",
        "/gradio_api//run/predict",
        "/%67radio_api/run/predict",
        "/depth/../gradio_api/run/predict",
        "/depth/%2e%2e/gradio_api/run/predict",
        "//gradio_api/run/predict",
        "/depth//../run/predict",
    ],
)
def test_gradios_functions_are_not_there(server: WebServer, secret: Path, route: str) -> None:
    cousins = (
        file_data(str(secret)),
        file_data("/dev/zero"),
        file_data("../" * 12 + str(secret)),
        file_data("x", url=f"file://{secret}"),
        file_data("x", url="http://127.0.0.1:1/x"),
    )
    for body in cousins:
        status, answer, _ = ask(server, "POST", route, body, Content_Type="application/json")
        assert status in (404, 405), (route, status)
        assert b"secret" not in answer
    assert [path for path in server.files() if path.name == secret.name] == []


@pytest.mark.parametrize(
    "route",
    [
        "/gradio_api/file={}",
        "/gradio_api/file/{}",
        "/file={}",
        "/file/{}",
        "/gradio_api/proxy=http://x{}",
        "/gradio_api/info",
        "/gradio_api/config",
        "/config",
        "/gradio_api/monitoring",
        "/monitoring/x",
        "/gradio_api/heartbeat/x",
        "/gradio_api/startup-events",
        "/gradio_api/openapi.json",
        "/docs",
        "/redoc",
        "/login",
        "/svelte/x",
        "/custom_component/x/y/z",
        "/gradio_api/deep_link",
        "/manifest.json",
        "/assets/..%2f..%2f{}",
        "/static/../..{}",
        "/static/%2e%2e/{}",
        "/assets//{}",
        "/depth/assets/..%2fapp.py",
        "/depth/assets/{}",
        "/depth/assets/app.py",
        "/depth/clips/../../{}/depth.mp4",
        "/pwa_icon",
        "/robots.txt",
    ],
)
def test_no_route_gives_a_file_or_tells_of_the_server(server: WebServer, secret: Path, route: str) -> None:
    status, answer, _ = ask(server, "GET", route.format(secret))
    assert status in (400, 404), (route, status)
    assert b"secret" not in answer
    assert b"import " not in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_other_methods_are_not_there(server: WebServer, method: str) -> None:
    assert ask(server, method, "/depth/photos")[0] in (400, 404, 405)


FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example",
    "localhost.evil.example:{port}",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "127.0.0.1%3a{port}",
    "%31%32%37.0.0.1:{port}",
    "",
    "127.0.0.1:{port}@evil.example",
    "evil.example#127.0.0.1:{port}",
    "127.0.0.1:{port}, evil.example",
    "[::ffff:127.0.0.1]:{port}",
    "localhost.:{port}",
)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/depth/cameras")])
def test_a_host_that_is_not_the_servers_is_refused(
    server: WebServer, host: str, method: str, path: str
) -> None:
    port = server.url.rpartition(":")[2]
    status, answer, _ = ask(server, method, path, Host=host.format(port=port))
    assert status in (400, 403)
    assert b"depth" not in answer.lower()


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_the_servers_own_names_are_taken(server: WebServer, host: str) -> None:
    port = server.url.rpartition(":")[2]
    assert ask(server, "GET", "/", Host=host.format(port=port))[0] == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example",
        "null",
        "",
        "file://",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://127.0.0.1:{port}.evil.example",
        "http://localhost:{port}",
        "http://x@127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "chrome-extension://abc",
    ],
)
def test_another_pages_requests_are_refused(server: WebServer, origin: str) -> None:
    origin = origin.format(port=server.url.rpartition(":")[2])
    for method, path in (("POST", "/depth/cameras"), ("GET", "/depth/clips/x/status"), ("GET", "/")):
        assert ask(server, method, path, Origin=origin)[0] == 403
    preflight = ask(server, "OPTIONS", "/depth/photos", Origin=origin, Access_Control_Request_Method="POST")
    assert preflight[0] == 403
    assert "access-control-allow-origin" not in preflight[2]


def test_a_picture_cannot_be_put_into_another_sites_page(server: WebServer) -> None:
    for site in ("cross-site", "same-site"):
        assert ask(server, "GET", "/depth/assets/example_1.jpg", Sec_Fetch_Site=site)[0] == 403
        assert ask(server, "GET", "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate")[0] == 200
    headers = ask(server, "GET", "/depth/assets/example_1.jpg")[2]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_websockets_are_refused(server: WebServer) -> None:
    port = server.url.rpartition(":")[2]
    for origin in (f"http://127.0.0.1:{port}", "http://evil.example"):
        status, _, _ = ask(
            server,
            "GET",
            "/gradio_api/queue/data",
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            Origin=origin,
        )
        assert status in (403, 404)


def test_refusals_are_logged_once(server: WebServer) -> None:
    for number in range(5):
        ask(server, "GET", "/", Host=f"evil{number}.example")
    assert server.log.read_text().count("for the host") == 1


def test_the_open_routes_are_those_of_the_list(tmp_path: Path) -> None:
    """From the running application's own table, so that a new Gradio cannot open one unseen."""
    skip_without_browser()
    from starlette.testclient import TestClient

    from live.access import Addresses
    from live.web.app import build_app
    from live.web.guard import is_open

    class Nothing:
        weights, size = None, 256

    guarded: Any = build_app(Nothing(), tmp_path, Addresses.of("127.0.0.1", 7860))  # type: ignore[arg-type]
    app = guarded
    while not hasattr(app, "routes"):
        app = app._app
    with TestClient(guarded):  # so that the server's threads end
        found = {route for route in opened(app, "") if is_open(*example(route))}
    assert found == OPEN_ROUTES


def opened(app: Any, prefix: str) -> set[str]:
    """'GET /path' of every route of the application and of those mounted in it."""
    found: set[str] = set()
    for route in app.routes:
        path = prefix + getattr(route, "path", "")
        if hasattr(route, "methods") and route.methods:
            found |= {f"{method} {path}" for method in route.methods if method != "HEAD"}
        elif hasattr(route, "app") and hasattr(route.app, "routes"):
            found |= opened(route.app, path.rstrip("/"))
    return found


def example(route: str) -> tuple[str, str]:
    method, path = route.split(" ", 1)
    return method, re.sub(r"\{[^}]*\}", "x", path)


def test_a_rebound_name_is_refused_by_a_real_browser(server: WebServer) -> None:
    """evil.example points to this machine, as an attacker's name server would have it."""
    port = server.url.rpartition(":")[2]
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    with running_browser(server, rules) as browser:
        page = browser.chromium.new_context().new_page()
        answer = page.goto(f"http://evil.example:{port}/")
        assert answer.status == 403
        read = page.evaluate(
            "async () => { const a = await fetch('/depth/cameras', {method: 'POST'}); return a.status; }"
        )
        assert read == 403


def test_a_password_is_needed_and_wrong_ones_slow_down(tmp_path: Path) -> None:
    skip_without_browser()
    import base64

    def basic(password: str) -> str:
        return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()

    with running_server(tmp_path, "--host", "0.0.0.0", environment={"DEPTH_PASSWORD": "büro 7"}) as server:
        status, _, headers = ask(server, "GET", "/")
        assert (status, headers["www-authenticate"][:5]) == (401, "Basic")
        assert ask(server, "GET", "/", Authorization="Basic ???")[0] == 401
        assert ask(server, "GET", "/", Authorization="Bearer büro 7".encode().decode("latin-1"))[0] == 401
        assert ask(server, "GET", "/", Authorization=basic("büro 7"))[0] == 200
        for number in range(10):
            assert ask(server, "GET", "/", Authorization=basic(f"wrong {number}"))[0] == 401
        status, _, headers = ask(server, "GET", "/", Authorization=basic("büro 7"))
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        another = {"Authorization": basic("büro 7"), "X-Forwarded-For": "203.0.113.7"}
        assert ask(server, "GET", "/", **another)[0] == 429, "nobody chooses the address they are counted by"
        assert ask(server, "GET", "/", Host=f"evil.example:{server.url.rpartition(':')[2]}")[0] == 403


def test_tls_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    skip_without_browser()
    import ssl
    import subprocess
    import urllib.request

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                str(key),
                "-out",
                str(certificate),
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    options = ("--certificate", str(certificate), "--key", str(key))
    with running_server(tmp_path, *options, certificate=certificate) as server:
        context = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(f"{server.url}/theme.css", context=context) as answer:
            assert answer.status == 200
