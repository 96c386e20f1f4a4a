"""Joins encoded pieces and a source's audio into the MP4 that is handed over, without encoding anew."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared import UserError
from shared.media.ffmpeg import FFmpeg, file_url
from shared.media.formats import input_arguments
from shared.media.probing import VideoInfo

logger = logging.getLogger(__name__)

# What an MP4 takes and players know; everything else becomes AAC.
COPIED_CODECS = {"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac"}
AAC_OPTIONS = ("aac", "-b:a", "192k")


@dataclass(frozen=True)
class Soundtrack:
    """All audio tracks of a file, from start_s on, for duration_s (None: to the end).

    picture_delay_s: how much later than the audio's zero the first picture is shown.
    """

    path: Path
    codecs: tuple[str, ...]
    start_s: float = 0.0
    duration_s: float | None = None
    picture_delay_s: float = 0.0

    @classmethod
    def of(cls, info: VideoInfo) -> Soundtrack | None:
        """The whole audio of a file, or None where it has none."""
        if not info.has_audio:
            return None
        return cls(info.path, info.audio_codecs, picture_delay_s=info.start_s)


def join(pieces: Sequence[Path], output: Path, *, soundtrack: Soundtrack | None, comment: str) -> list[str]:
    """Writes `output`, an MP4 with its index in front, from encoded MP4 pieces and the audio.

    Returns warnings: audio that had to be encoded anew, or left out, because the source's is damaged.
    Raises UserError when it cannot be written; `output` may then be half-written.
    """
    if soundtrack is None:
        _run_join(pieces, output, None, (), comment)
        return []
    attempts: list[tuple[Sequence[str], str | None]] = []
    if _can_be_read_to_its_end(soundtrack):
        attempts.append((_copy_options(soundtrack), None))
    attempts.append((["-c:a", *AAC_OPTIONS], "The audio is damaged; what could be read was encoded anew."))
    for audio_options, warning in attempts:
        try:
            _run_join(pieces, output, soundtrack, audio_options, comment)
        except UserError as error:
            logger.info("joining with audio failed: %s", error.message)
            continue
        return [warning] if warning else []
    _run_join(pieces, output, None, (), comment)
    return ["The audio could not be read; the output has none."]


def _copy_options(soundtrack: Soundtrack) -> list[str]:
    options: list[str] = []
    for index, codec in enumerate(soundtrack.codecs):
        options += [f"-c:a:{index}", *(("copy",) if codec in COPIED_CODECS else AAC_OPTIONS)]
    return options


def _audio_input(soundtrack: Soundtrack) -> list[str]:
    """The part of the file that is wanted; what lies outside is not read."""
    arguments = ["-ss", f"{soundtrack.start_s:.6f}"] if soundtrack.start_s else []
    if soundtrack.duration_s is not None:
        arguments += ["-t", f"{soundtrack.duration_s:.6f}"]
    return [*arguments, *input_arguments(soundtrack.path)]


def _can_be_read_to_its_end(soundtrack: Soundtrack) -> bool:
    """Whether players will get through a copy of it: a decoder gives up when most packets are damaged."""
    child = FFmpeg([*_audio_input(soundtrack), "-map", "0:a", "-f", "null", "-"])
    try:
        return child.finish() == 0
    finally:
        child.close()


def extract_video(source: Path, output: Path) -> None:
    """Copies the pictures of an MP4, without its audio and its delay, to a piece that `join` takes."""
    _run(
        ["-y", *input_arguments(source, "mov"), "-map", "0:v:0", "-c", "copy", "-f", "mp4", file_url(output)],
        output,
    )


def _run_join(
    pieces: Sequence[Path],
    output: Path,
    soundtrack: Soundtrack | None,
    audio_options: Sequence[str],
    comment: str,
) -> None:
    delay_s = soundtrack.picture_delay_s if soundtrack else 0.0
    arguments = ["-y", "-itsoffset", f"{delay_s:.6f}"] if delay_s else ["-y"]
    listing = None
    if len(pieces) == 1:
        arguments += input_arguments(pieces[0], "mov")
    else:
        listing = "".join(f"file {_quoted(file_url(piece))}\n" for piece in pieces).encode()
        arguments += ["-f", "concat", "-safe", "0", "-protocol_whitelist", "file,pipe", "-i", "pipe:0"]
    if soundtrack:
        arguments += _audio_input(soundtrack)
    arguments += ["-map", "0:v:0", *(("-map", "1:a") if soundtrack else ()), *audio_options]
    arguments += ["-c:v", "copy", "-map_metadata", "-1", "-metadata", f"comment={comment}"]
    arguments += ["-movflags", "+faststart", "-f", "mp4", file_url(output)]
    _run(arguments, output, listing)


def _run(arguments: Sequence[str], output: Path, stdin: bytes | None = None) -> None:
    child = FFmpeg(arguments, pipe_in=stdin is not None)
    try:
        if stdin is not None:
            child.write(memoryview(stdin))
        code = child.finish()
    except OSError:
        code = child.finish() or 1
    finally:
        child.close()
    if code:
        raise UserError(
            f"{output} could not be put together: {child.reason()}.",
            "Check that the disk has room and that the folder can be written to.",
            exit_code=1,
        )


def _quoted(text: str) -> str:
    """As the concat demuxer reads names: in single quotes, with those inside taken out of them."""
    return "'" + text.replace("'", "'\\''") + "'"
