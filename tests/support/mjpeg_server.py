"""A camera on the network, as its own process: sends a file of JPEG frames over HTTP, round and round.

python mjpeg_server.py FILE.mjpeg PORT FPS
"""

from __future__ import annotations

import itertools
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def split_jpegs(data: bytes) -> list[bytes]:
    return [SOI + part.split(EOI)[0] + EOI for part in data.split(SOI)[1:]]


class Handler(BaseHTTPRequestHandler):
    jpegs: list[bytes]
    fps: float

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        started_s = time.monotonic()
        for number, jpeg in enumerate(itertools.cycle(self.jpegs)):
            time.sleep(max(0.0, started_s + number / self.fps - time.monotonic()))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def main() -> None:
    Handler.jpegs = split_jpegs(Path(sys.argv[1]).read_bytes())
    Handler.fps = float(sys.argv[3])
    with Server(("127.0.0.1", int(sys.argv[2])), Handler) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
