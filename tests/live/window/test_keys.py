"""The key table, the state that the keys change, and the README's copy of the table."""

from __future__ import annotations

from operator import attrgetter
from typing import get_args

import pytest

from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.window.keys import Key, KeyTable, key_table, markdown_table
from shared import View
from tests.conftest import REPOSITORY

SHIFT = 0xFFE1


@pytest.fixture
def controls() -> Controls:
    controls = Controls(LiveConfig(SourceSpec("camera", 0, "camera 0")))
    controls.has_changed = False
    return controls


def press(controls: Controls, *codes: int | str) -> None:
    table = key_table()
    for number, code in enumerate(codes):
        table.press(ord(code) if isinstance(code, str) else code, controls, now_s=0.1 * number)


def test_a_duplicate_key_is_refused() -> None:
    row = Key((ord("x"),), "x", "does this", lambda _: None)
    other = Key((ord("y"), ord("x")), "y", "does that", lambda _: None)
    with pytest.raises(ValueError, match=r"'y' \(0x78\) is already taken by 'x'"):
        KeyTable((row, other))


def test_the_readme_lists_the_keys() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    if "<!-- keys:start -->" not in readme:
        pytest.skip("the README has no key table yet")
    shown = readme.split("<!-- keys:start -->")[1].split("<!-- keys:end -->")[0]
    assert shown.strip() == markdown_table()


def test_every_row_is_in_the_markdown_table() -> None:
    lines = markdown_table().splitlines()
    assert len(lines) == 2 + len(key_table().rows)
    assert "| `C` | previous colour map |" in lines


@pytest.mark.parametrize(
    ("codes", "name", "expected"),
    [
        ("d", "look.view", "depth"),
        ("s", "look.view", "side-by-side"),
        ("do", "look.view", "overlay"),
        ("b", "look.view", "focus"),
        ("3", "look.view", "relief"),
        (("\t",), "look.view", "side-by-side"),
        ("c", "look.colormap", "magma"),
        ("C", "look.colormap", "gray"),
        ("ccccc", "look.colormap", "inferno"),
        ("+", "look.alpha", 0.6),
        ("=" * 9, "look.alpha", 1.0),
        ("-" * 9, "look.alpha", 0.0),
        ((0xFFAB,), "look.alpha", 0.6),
        (".", "look.gamma", 2**0.25),
        (".....,,,,,", "look.gamma", 1.0),
        ("," * 9, "look.gamma", 0.25),
        ("." * 9, "look.gamma", 4.0),
        ("]", "every", 2),
        ("]][", "every", 2),
        ("[[", "every", 1),
        ("]" * 40, "every", 30),
        ("l", "is_range_locked", True),
        ("ll", "is_range_locked", False),
        ("m", "is_mirrored", True),
        (" ", "is_frozen", True),
        ("i", "shows_hud", False),
        ("h", "shows_help", True),
        ("f", "is_full_screen", True),
        ("pr", "requests", ["snapshot", "record"]),
        ("q", "wants_to_quit", True),
        ((27,), "wants_to_quit", True),
    ],
)
def test_what_a_key_changes(controls: Controls, codes: str, name: str, expected: object) -> None:
    press(controls, *codes)
    assert attrgetter(name)(controls) == expected
    assert controls.has_changed


@pytest.mark.parametrize("code", [-1, 0xFFBE, 0xFF51, ord("x")])
def test_other_keys_change_nothing(controls: Controls, code: int) -> None:
    before = dict(vars(controls))
    press(controls, code)
    assert vars(controls) == before


def test_shift_makes_qts_c_a_capital_one(controls: Controls) -> None:
    press(controls, SHIFT, "c")
    assert controls.look.colormap == "gray"
    press(controls, "c")
    assert controls.look.colormap == "inferno"
    press(controls, SHIFT, "d")  # no row of its own: the key it is
    assert controls.look.view == "depth"


def test_shift_is_forgotten(controls: Controls) -> None:
    table = key_table()
    table.press(SHIFT, controls, now_s=0.0)
    table.press(ord("c"), controls, now_s=5.0)
    assert controls.look.colormap == "magma"


def test_gtk_state_bits_do_not_hide_a_key(controls: Controls) -> None:
    press(controls, 0x200000 | ord("d"))
    assert controls.look.view == "depth"


def test_all_views_and_maps_come_round(controls: Controls) -> None:
    views = []
    for _ in range(len(get_args(View)) + 1):
        press(controls, "\t")
        views.append(controls.look.view)
    assert views[0] == views[-1]
    assert set(views) == set(get_args(View))
