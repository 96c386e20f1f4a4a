"""depth-live with a fake network: python -m tests.support.live_driver FAKE [depth-live's arguments].

FAKE: 'bright' (bright is near), 'slow' (the same after 400 ms), 'raises' (fails at the fifth frame), 'late'
(takes 2 s to load), 'never' (takes ten minutes), 'full' (as bright, and no file may grow beyond 20 kB, like a
full disk). At the end it names the threads that are left, on stderr.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from live.__main__ import build_parser, prepare_opencv, to_config
from live.config import PROG
from shared import DepthMap, Point, UserError, console

if TYPE_CHECKING:
    from live.controls import Controls  # which imports OpenCV, before it has been told to be quiet


class FakeEngine:
    """Nearness is the green channel of the network's input: bright is near."""

    name = "fake"
    description = "no network"

    def __init__(self, seconds: float = 0.03, fails_at: int | None = None) -> None:
        self._seconds, self._fails_at, self._count = seconds, fails_at, 0

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        time.sleep(self._seconds)
        self._count += 1
        if self._count == self._fails_at:
            raise UserError("The fake engine broke.", "Nothing to do.", exit_code=1)
        return np.ascontiguousarray(network_input[0, 1])


def command(fake: str, arguments: list[str]) -> int:
    parsed = build_parser().parse_args(arguments)
    console.configure_logging(verbose=parsed.verbose)
    config = to_config(parsed)
    prepare_opencv()
    from live.app import App
    from shared.predictor import DepthPredictor

    def make_predictor() -> DepthPredictor:
        loaded_s = time.monotonic() + {"late": 2.0, "never": 600.0}.get(fake, 0.0)
        while time.monotonic() < loaded_s:
            time.sleep(0.05)
        seconds, fails_at = {"slow": (0.4, None), "raises": (0.03, 5)}.get(fake, (0.03, None))
        return DepthPredictor(FakeEngine(seconds, fails_at), size=config.network.size)

    if fake == "full":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    note_answers(Path("keys"), Path("clicks"))
    app = App(config, make_predictor=make_predictor)
    try:
        app.run()
    finally:
        state = {name: value for name, value in vars(app.controls).items() if not name.startswith("_")}
        Path("controls.json").write_text(json.dumps(state, default=asdict))
    return 0


def note_answers(keys: Path, clicks: Path) -> None:
    """Writes one more byte for every key and click that the window has answered: a test can wait for it."""
    from live.controls import Controls
    from live.window.keys import KeyTable

    press, click = KeyTable.press, Controls.click

    def press_and_note(table: KeyTable, code: int, controls: Controls, now_s: float) -> None:
        press(table, code, controls, now_s)
        if code != -1:
            with keys.open("a") as file:
                file.write(".")

    def click_and_note(controls: Controls, place: Point, depth: float | None) -> None:
        click(controls, place, depth)
        with clicks.open("a") as file:
            file.write(".")

    KeyTable.press = press_and_note  # type: ignore[method-assign]
    Controls.click = click_and_note  # type: ignore[method-assign]


def main() -> int:
    code = console.run(lambda: command(sys.argv[1], sys.argv[2:]), prog=PROG)
    left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if left:
        sys.stderr.write(f"threads left: {left}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
