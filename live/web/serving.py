"""depth-live --web: the page in a browser. Loads the model once, listens, and tidies up at the end.

Needs the extra `web`; gradio, fastapi and uvicorn are imported inside the functions that use them.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shared import UserError

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor

logger = logging.getLogger(__name__)

SHUTDOWN_S = 2


def serve(
    *,
    host: str,
    port: int,
    weights: str | None,
    engine: str,
    device: str,
    size: int,
    announce: Callable[[str], None] = logger.warning,
) -> int:
    """Serves the page until it is interrupted; returns the exit code.

    announce: told in whole lines where the page is and what opening it up means.
    Raises UserError without the extra, for an address that cannot be had, and for the model's reasons.
    """
    check_extra()
    listener = listen(host, port)
    try:
        from shared.predictor import DepthPredictor

        predictor = DepthPredictor.from_weights(weights, size=size, engine=engine, device=device)
        return serve_with(predictor, listener, announce=announce)
    finally:
        listener.close()


def check_extra() -> None:
    if importlib.util.find_spec("gradio") is None:
        raise UserError(
            "The page in the browser (--web) needs Gradio, which is not installed.",
            'Install it with: pip install "depth-viewer[web]", or in a clone: pip install -e ".[web]"',
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything slow is done. Raises UserError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise UserError(
            f"--host {host}: this machine has no such address.", "Use 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # on Windows it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UserError(
            f"The page cannot listen at {host}, port {port}: {error.strerror}.",
            "Choose another --port, or another --host.",
        ) from None
    return listener


def serve_with(predictor: DepthPredictor, listener: socket.socket, *, announce: Callable[[str], None]) -> int:
    """Serves with a predictor that is already there."""
    folder = Path(tempfile.mkdtemp(prefix="depth-viewer-"))
    try:
        _silence_gradio(folder)
        import uvicorn

        from live.web.app import build_app

        config = uvicorn.Config(
            build_app(predictor, folder),
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        host, port = listener.getsockname()[:2]
        for line in announcement(host, port):
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


def announcement(host: str, port: int) -> list[str]:
    """Where the page is, and for an address that others can reach, what that means."""
    address = ipaddress.ip_address(host.partition("%")[0])
    shown = "localhost" if address.is_unspecified else f"[{host}]" if address.version == 6 else host
    lines = [f"Depth viewer: http://{shown}:{port} (Ctrl+C ends it)"]
    if not address.is_loopback:
        lines.append(
            f"Everyone who can reach port {port} of this machine can use the page: it asks for no password,"
            " and pictures travel unencrypted."
        )
    return lines
