"""Errors become one sentence, one hint and the right exit code; flags are checked where they enter."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from shared import Look, Turn, UserError, options


def raises(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(options.DEBUG_VARIABLE, raising=False)


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
    assert options.run(raises(error), prog="depth-x") == exit_code
    assert capsys.readouterr().err == text


def test_the_unforeseen_is_a_sentence_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert options.run(raises(RuntimeError("bad\nthing")), prog="depth-x") == 1
    text = capsys.readouterr().err
    assert "RuntimeError: bad thing." in text
    assert "DEPTH_DEBUG=1" in text
    assert "Traceback" not in text


def test_debugging_brings_the_traceback_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.DEBUG_VARIABLE, "1")
    with pytest.raises(UserError):
        options.run(raises(UserError("a", "b")), prog="depth-x")


def test_success_passes_the_exit_code_through() -> None:
    assert options.run(lambda: 0, prog="depth-x") == 0


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
