"""Errors become a sentence, a hint and the right exit code; names are shown as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import UserError, console
from tests.conftest import REPOSITORY

STRICT = {"PYTHONIOENCODING": "utf-8:strict"}  # as in en_US.UTF-8
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def raises(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(console.DEBUG_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("error", "exit_code", "text"),
    [
        (UserError("No file x.mp4.", "Check the name."), 2, "depth-x: No file x.mp4.\nCheck the name.\n"),
        (
            UserError("The disk is full.", "Free some.", exit_code=1),
            1,
            "depth-x: The disk is full.\nFree some.\n",
        ),
        (KeyboardInterrupt(), 130, "depth-x: interrupted.\n"),
    ],
)
def test_errors_become_sentences_and_exit_codes(
    error: BaseException, exit_code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console.run(raises(error), prog="depth-x") == exit_code
    assert capsys.readouterr().err == text


def test_the_unforeseen_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.run(raises(RuntimeError("bad\nthing")), prog="depth-x") == 1
    text = capsys.readouterr().err
    assert "RuntimeError: bad thing." in text
    assert "DEPTH_DEBUG=1" in text
    assert "Traceback" not in text


def test_debugging_brings_the_traceback_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(console.DEBUG_VARIABLE, "1")
    with pytest.raises(UserError):
        console.run(raises(UserError("a", "b")), prog="depth-x")


def test_success_passes_the_exit_code_through() -> None:
    assert console.run(lambda: 0, prog="depth-x") == 0


def depth_video(
    *arguments: str | bytes, environment: dict[str, str] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "video", *arguments]
    told = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "LC_CTYPE")}
    return subprocess.run(
        command,
        env=told | (environment or {}),
        cwd=REPOSITORY,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("environment", [{"LANG": "C"}, ASCII, STRICT])
@pytest.mark.parametrize("name", ["né-😀".encode(), b"caf\xe9"])
def test_names_are_shown_as_they_are(tmp_path: Path, name: bytes, environment: dict[str, str]) -> None:
    """On both streams: as text where they are text, else as the bytes that they are."""
    source = os.fsencode(tmp_path) + b"/" + name + b".mp4"
    missing = depth_video(source, environment=environment)
    assert (missing.returncode, missing.stdout) == (2, b"")
    assert name + b".mp4 does not exist." in missing.stderr
    Path(os.fsdecode(source)).touch()
    Path(os.fsdecode(source.replace(b".mp4", b"-depth.mp4"))).touch()
    skipped = depth_video(source, "--skip-existing", environment=environment)
    assert (skipped.returncode, skipped.stderr) == (0, b"")
    assert name + b"-depth.mp4 exists already; skipped." in skipped.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_or_stderr() -> None:
    with open("/dev/full", "wb") as full:
        told = depth_video("--version", stdout=full.fileno())
        silent = subprocess.run(
            [sys.executable, "-m", "video", "nowhere.mp4"], cwd=REPOSITORY, stderr=full, check=False
        )
    assert told.returncode == 1
    sentence, hint = told.stderr.decode().splitlines()
    assert sentence.endswith("cannot be written: No space left on device.")
    assert "another place" in hint
    assert silent.returncode == 2


def test_a_reader_who_has_gone() -> None:
    """As in `depth-video --version | true`."""
    reader, writer = os.pipe()
    os.close(reader)
    told = depth_video("--version", stdout=writer)
    os.close(writer)
    assert (told.returncode, told.stderr) == (0, b"")
