"""The dialogue of distances in a real window: clicks, typed metres, what is kept, and what ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import FrameBGR
from tests.live.window.test_window import DARK_BGR, is_colour, shows_depth
from tests.support.live_session import (
    Server,
    Session,
    StartSession,
    camera,
    display,
    no_thread_is_left,
    start,
)

__all__ = ["camera", "display", "no_thread_is_left", "start"]

NEAR_PX, FAR_PX = (960, 300), (320, 300)  # the test card's bright and dark half in the window
NEAR, FAR = ((level / 255 - 0.456) / 0.224 for level in (200, 30))  # what the fake network says of them


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in the cache, which is not there before something is kept."""
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metres"


def begun(start: StartSession, camera: Server, *arguments: str) -> Session:
    session = start(camera.url, "--width", "640", *arguments)
    session.wait_for_shot(has_depth)
    return session


def has_depth(shot: FrameBGR) -> bool:
    return bool(shot.any()) and not is_colour(shot, 0.25, 0.6, DARK_BGR)


def ended(session: Session) -> object:
    """How distances were told at the end."""
    session.key("q")
    assert session.end() == (0, "")
    return session.controls()["metres"]


def calibrate(session: Session) -> None:
    session.key("k")
    for place_px, typed in ((NEAR_PX, "7 BackSpace 0 period 5"), (FAR_PX, "4")):
        session.click(*place_px)
        for name in (*typed.split(), "Return"):
            session.key(name)


def tells_metres(shot: FrameBGR) -> bool:
    """Whether the text beside the pointer goes on behind the per cent, over the bright half."""
    row, column = NEAR_PX[1], NEAR_PX[0] + 130
    return bool(shot[row : row + 40, column : column + 40].min() < 100)


def test_it_is_told_kept_and_gone_with_the_lock(start: StartSession, camera: Server, kept: Path) -> None:
    session = begun(start, camera)
    session.key("d")
    session.xdotool("mousemove", "--window", session.window(), *map(str, NEAR_PX))
    assert not tells_metres(session.wait_for_shot(shows_depth))
    calibrate(session)
    session.xdotool("mousemove", "--window", session.window(), *map(str, NEAR_PX))
    session.wait_for_shot(tells_metres)
    scale, shift = ended(session)  # type: ignore[misc]
    assert scale * NEAR + shift == pytest.approx(1 / 0.5, abs=0.06)  # JPEG's noise
    assert scale * FAR + shift == pytest.approx(1 / 4, abs=0.06)
    assert len(list(kept.iterdir())) == 1

    assert ended(begun(start, camera)) == [scale, shift]
    assert ended(begun(start, camera, "--size", "320")) is None  # another network

    session = begun(start, camera)
    session.key("l")
    assert ended(session) is None
    assert list(kept.iterdir()) == []


def test_escape_ends_the_dialogue_and_not_the_window(start: StartSession, camera: Server, kept: Path) -> None:
    session = begun(start, camera)
    session.key("k")
    session.click(*NEAR_PX)
    session.key("1")
    session.key("Escape")
    assert ended(session) is None  # `q` is needed to end it
    assert not kept.exists()
