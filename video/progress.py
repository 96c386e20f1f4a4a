"""The progress bar: frames, frames per second, time left. On stderr, so that stdout stays for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(name: str, *, lane: int, quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """A callback for convert(); None when quiet. lane: the bar's line when several run at a time."""
    if quiet:
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=name[:30], unit=" frames", position=lane, dynamic_ncols=True, leave=lane == 0) as bar:

        def show(done: int, total: int | None) -> None:
            if bar.n == 0 and done > 1:  # a resumed conversion: what was there before is no speed of ours
                bar.initial = bar.n = done - 1
            bar.total = total if total is None or total >= done else None
            bar.update(done - bar.n)

        yield show
        if bar.total is not None:
            bar.total = bar.n
            bar.refresh()
