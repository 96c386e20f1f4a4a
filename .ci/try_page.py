"""Starts the installed page and asks for what a browser would: the page, its script, style and pictures."""

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PATHS = (
    "",
    "theme.css",
    "depth/assets/depth_viewer.js",
    "depth/assets/page.css",
    "depth/assets/example_1.jpg",
)


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        Path(sys.executable).with_name("depth-live"),
        "--web",
        "--weights",
        "bundled",
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while not re.search(r"Ctrl\+C", line := server.stdout.readline()):
            assert line, "the page did not start"
        for path in PATHS:
            with opened(f"http://127.0.0.1:{port}/{path}") as answer:
                assert (answer.status, bool(answer.read())) == (200, True), path
        server.send_signal(signal.SIGINT)
    print("the installed page answers")


def opened(url: str):
    for _ in range(100):
        try:
            return urllib.request.urlopen(url, timeout=30)
        except ConnectionRefusedError:
            time.sleep(0.1)
    return urllib.request.urlopen(url, timeout=30)


if __name__ == "__main__":
    main()
