"""Flags are checked where they enter."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from shared import Look, Turn, UserError, options


def parser() -> options.ArgumentParser:
    made = options.ArgumentParser(prog="depth-x")
    options.add_model_options(made)
    options.add_view_options(made)
    return made


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--alpha", "1.5"], "--alpha"),
        (["--alpha", "nan"], "--alpha"),
        (["--size", "250"], "--size"),
        (["--size", "0"], "--size"),
        (["--view", "sideways"], "--view"),
        (["--colormap", "rainbow"], "--colormap"),
        (["--engine", "steam"], "--engine"),
        (["--turn", "5"], "--turn"),
        (["--turn", "26,0"], "--turn"),
        (["--turn", "nan,0"], "--turn"),
        (["--gamma", "0.2"], "--gamma"),
        (["--gamma", "nan"], "--gamma"),
        (["--focus", "0.5"], "--focus"),
        (["--focus", "0.5,1.5"], "--focus"),
        (["--focus", "0,0,0"], "--focus"),
        (["--focus", "nan,0"], "--focus"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_bad_option_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named) as caught:
        parser().parse_args(arguments)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "See depth-x --help."


def test_what_is_in_focus_is_a_place_or_what_is_near() -> None:
    def look(*arguments: str) -> Look:
        return options.look_from(parser().parse_args(["--view", "focus", *arguments]))

    assert look() == look("--focus", "near") == Look("focus")
    assert look("--focus", "0.25,1") == Look("focus", focus=(0.25, 1.0))


def test_a_turn_is_two_angles() -> None:
    assert options.look_from(parser().parse_args(["--turn=-20,7.5"])).turn == Turn(-20.0, 7.5)


def test_defaults() -> None:
    parsed = parser().parse_args([])
    assert (parsed.view, parsed.alpha, parsed.colormap, parsed.size) == ("depth", 0.5, "inferno", 256)
    assert parsed.weights is None


@pytest.mark.parametrize("kind", [options.positive_int, options.positive_float, options.seconds])
@pytest.mark.parametrize("text", ["-1", "x", "", "inf", "nan"])
def test_numbers_are_checked(kind: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        kind(text)
