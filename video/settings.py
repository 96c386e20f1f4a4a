"""What a conversion is asked to do, as data; what it came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from shared import DEFAULT_STEADY, Encoding, Look, RawForm

DEFAULT_EVERY = 3
CARRIED_S = 0.11  # for about so long flow follows a walking person; beyond, carried depth tears


def default_every(frame_rate: Fraction) -> int:
    """DEFAULT_EVERY at 23 frames a second and more, fewer where frames lie further apart."""
    return max(1, min(DEFAULT_EVERY, round(frame_rate * CARRIED_S)))


RawSize = Literal["network", "source"]


@dataclass(frozen=True)
class ConvertSettings:
    """How one file is converted.

    every: each Nth frame is inferred, those between are carried along; None: `default_every`.
    steady: 0 (each frame by itself) to 1.
    start_s, duration_s: the part of the source. max_height_px: the source is made smaller to this.
    raw: also write the depth itself, in this form and size. resume: go on with a partial conversion.
    """

    look: Look = Look()
    every: int | None = None
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
