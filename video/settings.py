"""What a conversion is asked to do, as data; what it came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared import DEFAULT_STEADY, Encoding, Look, RawForm

DEFAULT_EVERY = 6
"""Where little moves; where more does, the tracker asks for each frame by itself."""

RawSize = Literal["network", "source"]


@dataclass(frozen=True)
class ConvertSettings:
    """How one file is converted.

    every: each Nth frame is inferred at least, those between are carried along.
    steady: 0 (each frame by itself) to 1.
    start_s, duration_s: the part of the source. max_height_px: the source is made smaller to this.
    raw: also write the depth itself, in this form and size. resume: go on with a partial conversion.
    """

    look: Look = Look()
    every: int = DEFAULT_EVERY
    steady: float = DEFAULT_STEADY
    start_s: float = 0.0
    duration_s: float | None = None
    max_height_px: int | None = None
    audio: bool = True
    encoding: Encoding = Encoding()
    raw: RawForm | None = None
    raw_size: RawSize = "network"
    overwrite: bool = False
    resume: bool = False

    def picture_settings(self) -> dict[str, Any]:
        """What a conversion must have in common with the one that it goes on with, by the options' names."""
        settings = asdict(self)
        for left_out in ("overwrite", "resume", "raw", "raw_size"):
            del settings[left_out]
        return {**settings.pop("look"), **settings.pop("encoding"), **settings}


@dataclass
class ConvertResult:
    """output: the finished file, or the partial one when `is_partial`; None when nothing was kept.

    frames: in the file. inferred: how many of them this run sent through the network.
    """

    output: Path | None
    frames: int
    inferred: int = 0
    is_partial: bool = False
    raw: Path | None = None
    warnings: list[str] = field(default_factory=list)
