"""What a visitor asked for: checked values of the query's text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from live.web.limits import Refusal
from shared import GAMMA_BOUNDS, Colormap, Look, Point, View
from video.settings import DEFAULT_EVERY

SLOWEST_EVERY = 30


def look_of(query: Mapping[str, str]) -> Look:
    """Raises Refusal for a value that is none."""
    view, colormap = query.get("view", Look.view), query.get("colormap", Look.colormap)
    if view not in get_args(View) or colormap not in get_args(Colormap):
        raise Refusal("The page asked for a view or a colour map that does not exist.")
    alpha = number(query.get("alpha", str(Look.alpha)), 0, 1, "The overlay's share")
    gamma = number(query.get("gamma", str(Look.gamma)), *GAMMA_BOUNDS, "The contrast")
    focus = _place_of(query.get("focus", ""))
    return Look(cast(View, view), cast(Colormap, colormap), alpha, gamma, focus)


def _place_of(text: str) -> Point | None:
    """'x,y', each 0 to 1; '' is no place."""
    if not text:
        return None
    x, _, y = text.partition(",")
    return number(x, 0, 1, "The place that is in focus"), number(y, 0, 1, "The place that is in focus")


def every_of(query: Mapping[str, str]) -> int:
    """How many frames an inference is to serve."""
    every = query.get("every", str(DEFAULT_EVERY))
    return int(number(every, 1, SLOWEST_EVERY, "The number of frames per inference"))


def number(text: str, lowest: float, highest: float, name: str) -> float:
    """Raises Refusal unless lowest <= value <= highest."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise Refusal(f"{name} must be a number from {lowest:g} to {highest:g}.")
    return value
