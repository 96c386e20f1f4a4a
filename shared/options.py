"""The flags that both commands share.

Imports nothing heavy: `--help` and argument errors answer at once.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from typing import TypeVar, get_args

from shared import (
    DEFAULT_STEADY,
    GAMMA_BOUNDS,
    PITCH_DEG,
    YAW_DEG,
    Colormap,
    Look,
    NetworkChoice,
    Point,
    Turn,
    UserError,
    View,
)
from shared.console import sentence

N = TypeVar("N", int, float)


class ArgumentParser(argparse.ArgumentParser):
    """argparse whose errors are UserErrors: one sentence and one hint, like every other error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        hint = f"See {self.prog} --help."
        if files := [word for word in message.split() if word.startswith("-") and os.path.exists(word)]:
            hint = f"If you mean the file, give it as ./{files[0]}."
        raise UserError(sentence(message), hint)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights",
        metavar="auto|official|bundled|PATH",
        help="which weights to use (default: DEPTH_WEIGHTS, else auto: official where they can be had)",
    )
    group.add_argument(
        "--engine", choices=("auto", "openvino", "torch"), default="auto", help="what runs the network"
    )
    group.add_argument(
        "--device", default="auto", metavar="auto|cpu|gpu|npu|cuda|mps", help="where the network runs"
    )
    group.add_argument(
        "--precision",
        choices=("auto", "f32", "bf16"),
        default="auto",
        help="what OpenVINO calculates in (default auto: the fastest that is proved right on this machine)",
    )
    group.add_argument(
        "--size",
        type=network_size_px,
        default=256,
        metavar="PX",
        help="longer side of the network's input, a multiple of 32 (default 256)",
    )


def network_from(parsed: argparse.Namespace) -> NetworkChoice:
    """What `add_model_options` made the user say."""
    return NetworkChoice(parsed.weights, parsed.engine, parsed.device, parsed.precision, parsed.size)


def add_view_options(parser: argparse.ArgumentParser, *, default_view: View = "depth") -> None:
    group = parser.add_argument_group("picture")
    group.add_argument("--view", choices=get_args(View), default=default_view, help="(default %(default)s)")
    group.add_argument(
        "--alpha",
        type=fraction_0_1,
        default=0.5,
        metavar="A",
        help="share of the heat map in the overlay, 0 to 1 (default 0.5)",
    )
    group.add_argument(
        "--colormap",
        choices=get_args(Colormap),
        default="inferno",
        help="(default %(default)s); near is bright",
    )
    group.add_argument(
        "--gamma",
        type=gamma,
        default=1.0,
        metavar="G",
        help="contrast of the heat map: above 1 of what is near, below 1 of what is far (default 1)",
    )
    group.add_argument(
        "--focus",
        type=point_or_near,
        metavar="X,Y|near",
        help="what is sharp in the view focus: the place X,Y (each 0 to 1), or what is near (default)",
    )
    group.add_argument(
        "--turn",
        type=turn,
        default=Turn(),
        metavar="YAW,PITCH",
        help="where the view relief looks from: degrees to the right, from above (default 12,5)",
    )


def add_steady_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--steady",
        type=fraction_0_1,
        default=DEFAULT_STEADY,
        metavar="S",
        help="0 takes each frame by itself, 1 is steadiest (default %(default)s)",
    )


def add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", action="store_true", help="log what is chosen and why")


def look_from(parsed: argparse.Namespace) -> Look:
    """What `add_view_options` made the user say."""
    return Look(parsed.view, parsed.colormap, parsed.alpha, parsed.gamma, parsed.focus, parsed.turn)


def positive_int(text: str) -> int:
    return _number(int, text, "a whole number of at least 1", lambda value: value >= 1)


def positive_float(text: str) -> float:
    return _number(float, text, "a number above 0", lambda value: 0 < value < math.inf)


def seconds(text: str) -> float:
    return _number(float, text, "seconds, 0 or more", lambda value: 0 <= value < math.inf)


def fraction_0_1(text: str) -> float:
    return _number(float, text, "a number from 0 to 1", lambda value: 0 <= value <= 1)


def gamma(text: str) -> float:
    lowest, highest = GAMMA_BOUNDS
    expected = f"a number from {lowest} to {highest:g}"
    return _number(float, text, expected, lambda value: lowest <= value <= highest)


def point_or_near(text: str) -> Point | None:
    """None for 'near'."""
    if text == "near":
        return None
    try:
        x, y = (fraction_0_1(part) for part in text.split(","))
    except (ValueError, argparse.ArgumentTypeError):
        message = f"expected near, or X,Y with numbers from 0 to 1, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return x, y


def turn(text: str) -> Turn:
    try:
        yaw_deg, pitch_deg = (float(part) for part in text.split(","))
    except ValueError:
        yaw_deg = pitch_deg = float("nan")
    if not (abs(yaw_deg) <= YAW_DEG and abs(pitch_deg) <= PITCH_DEG):
        bounds = f"up to {YAW_DEG:.0f},{PITCH_DEG:.0f} either way"
        raise argparse.ArgumentTypeError(f"expected YAW,PITCH in degrees, {bounds}, got {text!r}")
    return Turn(yaw_deg, pitch_deg)


def whole_number_0_51(text: str) -> int:
    return _number(int, text, "a whole number from 0 to 51", lambda value: 0 <= value <= 51)


def picture_height_px(text: str) -> int:
    expected = "an even number of pixels, 16 or more"
    return _number(int, text, expected, lambda value: value >= 16 and value % 2 == 0)


def network_size_px(text: str) -> int:
    expected = "a multiple of 32 from 32 to 1024"
    return _number(int, text, expected, lambda value: value % 32 == 0 and 32 <= value <= 1024)


def _number(kind: Callable[[str], N], text: str, expected: str, is_right: Callable[[N], bool]) -> N:
    """Raises ArgumentTypeError for what is no number of this kind, or not as expected."""
    with suppress(ValueError):
        if is_right(value := kind(text)):
            return value
    raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")


def version() -> str:
    return metadata.version("depth-viewer")
