"""depth-live --web: the page in a browser. Loads the model once, listens, and tidies up at the end.

Needs the extra `web`; gradio, fastapi and uvicorn are imported inside the functions that use them.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from live.listening import is_loopback, listen, shown_host
from shared import NetworkChoice, UserError

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor

logger = logging.getLogger(__name__)

SHUTDOWN_S = 1


@dataclass(frozen=True)
class Tls:
    """certificate, key: PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Opening:
    """Where the page is opened, and to whom.

    allowed_hosts: further names under which it may be asked for. password: None asks for none; where others
    than this machine's users could come in, that must be wished for with without_password.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    allowed_hosts: tuple[str, ...] = ()
    password: str | None = None
    without_password: bool = False
    tls: Tls | None = None

    def check(self) -> None:
        """Raises UserError where nobody decided that others may come in, and for unusable certificates."""
        if self.password is None and not self.without_password and not is_loopback(self.host):
            raise UserError(
                f"--host {self.host} opens the page to other machines, and it has no password.",
                "Set one in DEPTH_PASSWORD or with --password, or say --no-password.",
            )
        if self.tls is not None:
            _check_tls(self.tls)


def serve(
    opening: Opening, network: NetworkChoice, *, announce: Callable[[str], None] = logger.warning
) -> int:
    """Serves the page until it is interrupted; returns the exit code.

    announce: told in whole lines where the page is and what opening it up means.
    Raises UserError without the extra, for an address that cannot be had, and for the model's reasons.
    """
    check_extra()
    opening.check()
    listener = listen(opening.host, opening.port, option="--host")
    try:
        from shared.predictor import DepthPredictor

        predictor = DepthPredictor.from_weights(**asdict(network))
        with predictor.proving():
            return serve_with(predictor, listener, opening, announce=announce)
    finally:
        listener.close()


def _check_tls(tls: Tls) -> None:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, password="")
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"--certificate {tls.certificate} and --key {tls.key} cannot be used: {error.strerror or error}.",
            "Give PEM files, the key without a passphrase.",
        ) from None


def check_extra() -> None:
    if importlib.util.find_spec("gradio") is None:
        raise UserError(
            "The page in the browser (--web) needs Gradio, which is not installed.",
            'Install it with: pip install "depth-viewer[web]", or in a clone: pip install -e ".[web]"',
        )


def serve_with(
    predictor: DepthPredictor,
    listener: socket.socket,
    opening: Opening,
    *,
    announce: Callable[[str], None],
) -> int:
    """Serves with a predictor that is already there."""
    folder = Path(tempfile.mkdtemp(prefix="depth-viewer-"))
    try:
        _silence_gradio(folder)
        import uvicorn

        from live.access import Addresses, Password
        from live.web.app import build_app

        host, port = listener.getsockname()[:2]
        app = build_app(
            predictor,
            folder,
            Addresses.of(host, port, opening.allowed_hosts),
            password=Password(opening.password) if opening.password else None,
        )
        config = uvicorn.Config(
            app,
            ssl_certfile=opening.tls.certificate if opening.tls else None,
            ssl_keyfile=opening.tls.key if opening.tls else None,
            ws="none",
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # who is counted by an address must not choose it
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        for line in announcement(host, port, opening):
            announce(line)
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _silence_gradio(folder: Path) -> None:
    """Gradio reads these when it is imported: nothing is counted, asked for or fetched."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"


def announcement(host: str, port: int, opening: Opening) -> list[str]:
    """Where the page is, and for an address that others can reach, what that means."""
    scheme = "https" if opening.tls else "http"
    lines = [f"Depth viewer: {scheme}://{shown_host(host)}:{port} (Ctrl+C ends it)"]
    if is_loopback(host):
        return lines
    if opening.password is None:
        lines.append(f"Everyone who can reach port {port} of this machine can use the page: no password.")
    if opening.tls is None:
        lines.append("Pictures and the password travel unencrypted; --certificate and --key encrypt them.")
    return lines
