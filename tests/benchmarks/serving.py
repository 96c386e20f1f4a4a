"""Whether readers slow the window: python tests/benchmarks/serving.py CLIP [--readers 30] [other arguments].

Other arguments are depth-live's.

Shows CLIP as a 1280x720 camera of 30 frames a second in depth-live's window, by turns without readers and
with them. One reader takes a byte a second, the others all that comes, from a process of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.live import encode, serving
from tests.support.live_session import free_port, virtual_display

SETTLED_S = 10.0
READ_BYTES = 1 << 20


def read_all(port: int, readers: int) -> None:
    """Reads until the server ends; prints how many pictures a second each of the quick readers got."""
    selector = selectors.DefaultSelector()
    quick = [open_reader(port) for _ in range(readers - 1)]
    slow = open_reader(port, buffer_bytes=4096)
    for reader in quick:
        selector.register(reader, selectors.EVENT_READ)
    buffer = bytearray(READ_BYTES)
    pictures, begun_s, due_s = 0, time.monotonic(), 0.0
    while selector.get_map():
        for key, _ in selector.select(0.2):
            count = take(key.fileobj, buffer)  # type: ignore[arg-type]
            pictures += buffer[:count].count(b"Content-Length")
            if not count:
                selector.unregister(key.fileobj)
        if time.monotonic() > due_s:
            due_s = time.monotonic() + 1.0
            take(slow, bytearray(1))
    print(pictures / max(len(quick), 1) / (time.monotonic() - begun_s))


def open_reader(port: int, *, buffer_bytes: int | None = None) -> socket.socket:
    reader = socket.socket()
    if buffer_bytes is not None:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    while reader.connect_ex(("127.0.0.1", port)):
        reader.close()
        time.sleep(0.1)
        reader = socket.socket()
    reader.sendall(f"GET /view.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    reader.setblocking(False)
    return reader


def take(reader: socket.socket, buffer: bytearray) -> int:
    try:
        return reader.recv_into(buffer)
    except BlockingIOError:
        return 1
    except OSError:
        return 0


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure(url: str, display: str, arguments: list[str], readers: int, seconds: int) -> dict[str, float]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        stats = Path(folder) / "stats.json"
        ends = ["--serve", str(port), "--duration", str(seconds), "--stats", str(stats)]
        root = str(Path(__file__).parents[2])
        window = subprocess.Popen(
            [sys.executable, "-m", "live", url, *arguments, *ends],
            cwd=folder,
            env={**os.environ, "DISPLAY": display, "PYTHONPATH": root},
            stdout=subprocess.DEVNULL,
        )
        reading = None
        if readers:
            command = [sys.executable, __file__, "--read", str(port), "--readers", str(readers)]
            reading = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        resident = []
        while window.poll() is None:
            time.sleep(0.5)
            try:
                resident.append(resident_mb(window.pid))
            except (OSError, IndexError):
                break
        window.wait()
        read_per_s = float(reading.communicate()[0]) if reading is not None else 0.0
        figures = json.loads(stats.read_text())
    settled = resident[round(SETTLED_S * 2) :] or resident
    return {
        "drawn/s": figures["shown"] / figures["seconds"],
        "interval p95 ms": figures["draw_interval_ms"]["p95"],
        "inferred/s": figures["inferred"] / figures["seconds"],
        "readers at once": figures["readers"]["view"]["most_at_once"],
        "pictures/s of each quick reader": read_per_s,
        "resident MB, settled": settled[0],
        "resident MB, end": settled[-1],
        "resident MB, most": max(settled),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, nargs="?")
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--read", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options, arguments = parser.parse_known_args()
    if options.read:
        return read_all(options.read, options.readers)
    if shutil.which("Xvfb") is None or options.clip is None:
        parser.error("a clip and Xvfb are needed")
    columns: list[dict[str, float]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(encode(options.clip, Path(folder))) as url,
        virtual_display() as display,
    ):
        for number in range(2 * options.rounds):
            readers = options.readers * (number % 2)
            columns.append(measure(url, display, arguments, readers, options.seconds))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {arguments}")
    heads = " | ".join(f"{options.readers * (number % 2)} readers" for number in range(len(columns)))
    print(f"| | {heads} |\n|---|{'---|' * len(columns)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(f'{column[name]:.1f}' for column in columns)} |")


if __name__ == "__main__":
    main()
