"""The progress bar: frames, frames per second, time left. On stderr, so that stdout stays for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.progress import bar

SHOWN_AFTER_S = 0.3  # what is done at once (a demo clip that is there already) needs no bar


@contextmanager
def progress_bar(name: str, *, lane: int, quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """A callback for convert(); None when quiet. lane: the bar's line when several run at a time."""
    if quiet:
        yield None
        return
    with bar(
        desc=name[:30],
        unit=" frames",
        position=lane,
        dynamic_ncols=True,
        leave=lane == 0,
        delay=SHOWN_AFTER_S,
    ) as shown:

        def show(done: int, total: int | None) -> None:
            if shown.n == 0 and done > 1:  # a resumed conversion: what was there before is no speed of ours
                shown.initial = shown.n = done - 1
            shown.total = total if total is None or total >= done else None
            shown.update(done - shown.n)

        yield show
        if shown.total is not None:
            shown.total = shown.n
            shown.refresh()
