"""The ffmpeg that imageio-ffmpeg brings, as a child that cannot hang us, outlive us or be silent.

Every child runs with -nostdin in a process group of its own (the terminal's Ctrl-C is ours alone to answer),
its stderr is read by a thread, and while we wait for it a watchdog counts: a child that neither gives a byte
nor computes for `STALL_S` is killed, and the waiting call ends. Bytes alone would not tell: a demuxer without
an index decodes an hour before it gives the first frame, and a slow encoder drains for minutes. (ffmpeg's own
-progress counts written frames and stands still meanwhile.)
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import IO, Any

from shared import UserError

logger = logging.getLogger(__name__)

STALL_S = 60.0
LOOK_EVERY_S = 1.0
LONGEST_SILENT_S = 3600.0
"""Even a child that computes is killed after this: a damaged file can keep a decoder busy for ever."""
LAST_LINES = 40
# What decoders and demuxers say about what they could not use: about one line per packet or frame.
DAMAGE = re.compile(
    r"Error submitting packet|corrupt decoded frame|Error while decoding|partial file|[Tt]runcat"
    r"|Invalid data found|error reading|Input/output error|invalid NAL"
)
REPEATED = re.compile(r"Last message repeated (\d+) times")
WINDOWS_GROUP: dict[str, Any] = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
PIPE_BYTES = 1 << 20
FFMPEG_THREADS_VARIABLE = "DEPTH_FFMPEG_THREADS"
"""How many threads a decoder or an encoder may have; a worker of a cluster sets it for itself."""


@lru_cache(maxsize=1)
def ffmpeg_exe() -> str:
    """Path of the ffmpeg program. Raises UserError when there is none."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise UserError(
            "No ffmpeg program was found.",
            "Reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to the path of an ffmpeg program.",
            exit_code=1,
        ) from None


def thread_options(otherwise: int | None = None) -> list[str]:
    """ffmpeg's options for the input or output that they stand before; none where it may take all cores.

    otherwise: how many threads it gets where the variable does not say.
    """
    threads = os.environ.get(FFMPEG_THREADS_VARIABLE) or (str(otherwise) if otherwise else "")
    return ["-filter_threads", threads, "-threads", threads] if threads else []


def ffmpeg_version() -> str:
    """Such as 7.0.2-static."""
    import imageio_ffmpeg

    ffmpeg_exe()  # raises the sentence where there is none
    return str(imageio_ffmpeg.get_ffmpeg_version())


def file_url(path: Path) -> str:
    """The path as ffmpeg takes it whatever it is called: dashes, colons and percent signs included."""
    return f"file:{path.absolute()}"


class FFmpeg:
    """One running ffmpeg.

    pipe_in, pipe_out: whether its stdin is written to or its stdout is read.
    One thread reads or writes and closes; any thread may `kill`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        pipe_in: bool = False,
        pipe_out: bool = False,
        loglevel: str = "error",
    ) -> None:
        command = [ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", loglevel, *arguments]
        logger.debug("running %s", command)
        group = WINDOWS_GROUP if sys.platform == "win32" else {"start_new_session": True}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if pipe_in else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe_out else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            **group,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self.damage_count = 0
        self.stalled = False
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._waiting_since_s: float | None = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._drain_stderr, name="ffmpeg-stderr", daemon=True),
            threading.Thread(target=self._watch, name="ffmpeg-watchdog", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_lines(self) -> list[str]:
        return list(self._lines)

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative, on POSIX, when a signal ended it."""
        return self._process.poll()

    def read_into(self, buffer: memoryview) -> int:
        """Fills the buffer from stdout; returns the bytes read, fewer only at the end."""
        stdout = self._process.stdout
        assert stdout is not None
        filled = 0
        while filled < len(buffer):
            self._waiting_since_s = time.monotonic()
            count = stdout.readinto(buffer[filled:])  # type: ignore[attr-defined]
            self._waiting_since_s = None
            if not count:
                break
            filled += count
        return filled

    def write(self, data: memoryview) -> None:
        """Writes all of it to stdin. Raises BrokenPipeError (or OSError) once the child is gone."""
        stdin = self._process.stdin
        assert stdin is not None
        written = 0
        while written < len(data):
            self._waiting_since_s = time.monotonic()
            written += stdin.write(data[written:])
            self._waiting_since_s = None

    def close_stdin(self) -> None:
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                logger.debug("ffmpeg was gone before its input was closed")

    def finish(self) -> int:
        """Closes its input, waits for its end while the watchdog does, returns its exit code."""
        self.close_stdin()
        self._waiting_since_s = time.monotonic()
        code = self._process.wait()
        self._waiting_since_s = None
        self._join()
        return code

    def kill(self) -> None:
        """Ends it at once; whoever waits for it wakes up. Never raises; any thread, any number of times."""
        self._process.kill()

    def close(self) -> None:
        """Ends it if it still runs and frees everything; for the thread that reads or writes."""
        self.kill()
        self._process.wait()
        self.close_stdin()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._join()

    def reason(self) -> str:
        """Its own last word about what went wrong, for a sentence."""
        if self.stalled:
            return f"it did nothing for {STALL_S:.0f} s"
        for line in reversed(self._lines):
            text = without_addresses(line)
            if text and "Conversion failed" not in text and "Nothing was written" not in text:
                return text.rstrip(".")
        code = self.returncode
        return (
            f"it was killed by signal {-code}"
            if code is not None and code < 0
            else f"its exit code is {code}"
        )

    def _join(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _drain_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        with open(stderr.fileno(), encoding="utf-8", errors="replace", closefd=False) as lines:
            was_damage = False
            for line in lines:
                self._lines.append(line.rstrip())
                if repeated := REPEATED.search(line):
                    self.damage_count += was_damage * int(repeated[1])
                else:
                    was_damage = DAMAGE.search(line) is not None
                    self.damage_count += was_damage
        stderr.close()

    def _watch(self) -> None:
        """Counts its own looks, not the clock's seconds: we may be suspended meanwhile."""
        since_s: float | None = None
        computed_s = silent_s = idle_s = 0.0
        while not self._ended.wait(LOOK_EVERY_S):
            silent_s, idle_s = silent_s + LOOK_EVERY_S, idle_s + LOOK_EVERY_S
            if (cpu_s := cpu_time_s(self._process.pid)) != computed_s:
                computed_s, idle_s = cpu_s, 0.0
            if (waiting_s := self._waiting_since_s) is None or waiting_s != since_s:
                since_s, silent_s, idle_s = waiting_s, 0.0, 0.0
            if idle_s > STALL_S or silent_s > LONGEST_SILENT_S:
                self.stalled = True
                self._process.kill()
                return


def cpu_time_s(pid: int) -> float:
    """Processor time that a process has taken, to the second or better; 0 where the system does not tell.

    Sources: proc_pid_stat(5), ps(1); Windows' GetProcessTimes.
    """
    if sys.platform == "win32":
        return _cpu_time_on_windows_s(pid)
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    told = subprocess.run(
        ["ps", "-o", "cputime=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    days, _, clock = told.stdout.strip().rpartition("-")
    parts = [float(part) for part in (clock or "0").split(":")]
    return float(days or 0) * 86400 + sum(part * 60**power for power, part in enumerate(reversed(parts)))


def _cpu_time_on_windows_s(pid: int) -> float:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return 0.0
    times = [wintypes.FILETIME() for _ in range(4)]
    told = kernel.GetProcessTimes(handle, *(ctypes.byref(it) for it in times))
    kernel.CloseHandle(handle)
    ticks = sum((it.dwHighDateTime << 32) + it.dwLowDateTime for it in times[2:])
    return ticks * 1e-7 if told else 0.0


def run_ffmpeg(
    arguments: Sequence[str], *, loglevel: str = "error", timeout_s: float = STALL_S
) -> tuple[int, str]:
    """Runs ffmpeg to its end; returns (exit code, stderr). Raises UserError when it takes over timeout_s."""
    command = [ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", loglevel, *arguments]
    group = WINDOWS_GROUP if sys.platform == "win32" else {"start_new_session": True}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **group
    ) as process:
        for _ in range(ceil(timeout_s / LOOK_EVERY_S)):  # not in one wait, as in FFmpeg._watch
            with suppress(subprocess.TimeoutExpired):
                _, told = process.communicate(timeout=LOOK_EVERY_S)
                return process.returncode, told.decode("utf-8", "replace")
        process.kill()
    raise UserError(
        f"ffmpeg gave no answer within {timeout_s:.0f} s.",
        "Check that the disk answers and that the file is whole.",
        exit_code=1,
    )


def without_addresses(line: str) -> str:
    """A line of ffmpeg's without what only its makers read: `[mov,mp4 @ 0x55d0]` and the file's address."""
    return re.sub(r"\[[^\]]* @ [^\]]*\]\s*|file:\S*: ", "", line).strip()


def _widen(pipe: IO[bytes] | None) -> None:
    """Linux's pipes hold 64 KiB; a frame passes in fewer, larger pieces through a wider one."""
    if pipe is None or sys.platform != "linux":
        return
    import fcntl

    try:
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError as error:
        logger.debug("the pipe keeps its size: %s", error)
