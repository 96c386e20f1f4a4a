"""What a command says: results on stdout, errors as text on stderr and an exit code. Nothing else prints.

Imports nothing heavy: `--help` and argument errors answer at once.
"""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from shared import UserError

EXIT_INTERRUPTED = 130
DEBUG_VARIABLE = "DEPTH_DEBUG"
AS_BYTES = "names-as-bytes"


def run(command: Callable[[], int], *, prog: str) -> int:
    """Runs a command and turns what it raises into text on stderr and an exit code.

    0 done, 2 wrong use or unusable input, 1 failed on the way, 130 interrupted. With DEPTH_DEBUG=1 the
    traceback is shown instead.
    """
    show_names_as_they_are()
    try:
        return command()
    except UserError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        _complain(f"{prog}: {error.message}\n{error.hint}")
        return error.exit_code
    except KeyboardInterrupt:
        _complain(f"{prog}: interrupted.")
        return EXIT_INTERRUPTED
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        reason = sentence(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        _complain(
            f"{prog}: something unforeseen went wrong: {reason}\n"
            f"Run it again with {DEBUG_VARIABLE}=1 and report what it prints."
        )
        return 1


def say(text: str) -> None:
    """Lines of results on stdout, at once; to a reader who has gone (`| head`), nothing.

    Raises UserError where they cannot be written.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        with suppress(OSError):  # what is held back would be tried again at the end, and fail again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UserError(
                f"What was to be said on stdout cannot be written: {error.strerror}.",
                "Send it to another place; the files that it is about are whole.",
                exit_code=1,
            ) from None


def configure_logging(*, verbose: bool = False) -> None:
    """Warnings, or everything from INFO up, go to stderr as plain lines."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s: %(message)s"
    )


def show_names_as_they_are() -> None:
    """A file's name whose bytes are no text here is shown by these bytes, and ends no command.

    In UTF-8 locales stdout is strict, and under LC_ALL=C without UTF-8 mode every letter beyond ASCII is
    escaped. What is no name stays escaped where it cannot be shown.
    """
    codecs.register_error(AS_BYTES, _as_bytes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=AS_BYTES)


def sentence(text: str) -> str:
    """On one line, with an end."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _complain(text: str) -> None:
    with suppress(OSError):  # the exit code still tells
        print(text, file=sys.stderr, flush=True)


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    """The codec's way with what it cannot encode. Source: PEP 383, which has U+DC80 to U+DCFF for bytes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    shown = (
        bytes([ord(letter) - 0xDC00])
        if "\udc80" <= letter <= "\udcff"
        else letter.encode("ascii", "backslashreplace")
        for letter in letters
    )
    return b"".join(shown), error.end
