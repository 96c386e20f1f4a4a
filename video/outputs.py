"""Which outputs may be written."""

from __future__ import annotations

import os
from pathlib import Path

from shared import UserError

VIDEO_OUTPUT_SUFFIXES = (".mp4", ".gif")
PHOTO_OUTPUT_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".bmp")

LONGEST_STEM_BYTES = (
    215  # file systems allow 255; our names for what is unfinished are longer than the output's
)


def is_gif(output: Path) -> bool:
    return output.suffix.lower() == ".gif"


def check_name(output: Path) -> None:
    """Raises UserError for a name that leaves no room for those of the unfinished files beside it."""
    if len(os.fsencode(output.stem)) > LONGEST_STEM_BYTES:
        raise UserError(f"The output's name {output.name} is too long.", "Give a shorter one with -o.")


def check_output(source: Path, output: Path, *, overwrite: bool, suffixes: tuple[str, ...]) -> None:
    """Raises UserError when `output` must not be written."""
    check_name(output)
    if output.suffix.lower() not in suffixes:
        raise UserError(
            f"The output {output} does not end in {' or '.join(suffixes)}.", "Give -o another name."
        )
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"{output} is the input itself.", "Choose another output with -o.")
    if not output.parent.is_dir():
        raise UserError(f"The folder {output.parent} does not exist.", "Make it, or choose another with -o.")
    if output.is_dir():
        raise UserError(f"{output} is a folder.", "Give -o the name of a file, or use --output-dir.")
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists already.", "Add --overwrite, or choose another name with -o.")
