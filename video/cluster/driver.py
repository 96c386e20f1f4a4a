"""Hands units to workers and films on to what comes next, until there is nothing more to do.

What is in flight is bounded by the workers, not by the films: a new film is begun only when nothing is left
to do for those that have been but what costs extra.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from shared import UserError
from shared.handoff import now_s
from video.cluster.crew import Crew, Hand
from video.cluster.films import NEW_FILM, Film, Unit
from video.cluster.nodes import Lost, Pool
from video.cluster.tally import Tally
from video.cluster.worker import Failure

logger = logging.getLogger(__name__)

TRIES = 3
WAIT_S = 0.2
RETRY_S = 1.0  # a worker that was just killed may hold its output's lock for a moment longer
POLL_S = 1.0
POLLS = 64
LAST_WORDS_S = 10.0

Show = Callable[[int, int | None, Tally], None]
Over = Callable[[Film], None]


class Driver:
    """films: longest first. count: how many there are at most. show: called about once a second.

    over: called with each film that was begun, once there is nothing more to do for it.
    """

    def __init__(
        self,
        films: Iterator[Film],
        count: int,
        crew: Crew,
        pool: Pool,
        *,
        tally: Tally,
        show: Show,
        over: Over,
        cancel: threading.Event,
    ) -> None:
        self._films, self._waiting = films, count
        self._crew, self._pool, self._cancel = crew, pool, cancel
        self._tally, self._show, self._over = tally, show, over
        self._ready: list[Unit] = []
        self._running: dict[Film, None] = {}
        self._polled_s = now_s()
        self._is_told = False

    def run(self) -> None:
        """Until all films are over. After `cancel`, what runs is finished and nothing more is begun.

        KeyboardInterrupt ends what runs, too. Raises UserError when the cluster cannot be used (any more).
        """
        try:
            while self._is_busy():
                self._hand_out()
                self._hear()
                self._ask_how_far()
        except KeyboardInterrupt:
            self._stop_all()
        finally:
            for film in list(self._running):
                film.interrupt()
                self._over(film)
            for hand in list(self._crew.hands):
                self._crew.dismiss(hand)

    def _is_busy(self) -> bool:
        is_left = bool(self._ready or self._waiting) and not self._cancel.is_set()
        return is_left or bool(self._crew.at_work)

    def _hand_out(self) -> None:
        if self._cancel.is_set():
            if not self._is_told:
                at_work = len(self._crew.at_work)
                logger.warning("Finishing %d units that are at work; Ctrl-C again stops them.", at_work)
            self._is_told = True
            return
        waiting = self._in_order()
        for hand in self._crew.idle:
            unit = self._first(waiting, hand)
            while (unit is None or unit.rank() > NEW_FILM) and self._begin_film():
                waiting = self._in_order()
                unit = self._first(waiting, hand)
            if unit is not None:
                waiting.remove(unit)
                self._ready.remove(unit)
                self._crew.give(hand, unit)
        # Who is idle now can do nothing of what is left: it failed there before.
        self._crew.hire(len(self._crew.at_work) + len(self._crew.idle) + len(self._ready) + self._waiting)

    def _in_order(self) -> list[Unit]:
        """What is ready, the best to do next first. Sorted once for all workers that wait: there are many."""
        self._ready = [unit for unit in self._ready if unit.is_wanted]
        now = now_s()
        return sorted(
            (unit for unit in self._ready if unit.not_before_s <= now), key=lambda it: (it.rank(), -it.frames)
        )

    def _first(self, waiting: list[Unit], hand: Hand) -> Unit | None:
        """Not where it failed before, as long as there is another node."""
        possible = (it for it in waiting if hand.node.id not in it.failed_on or not self._crew.others(it))
        return next(possible, None)

    def _begin_film(self) -> bool:
        film = next(self._films, None)
        if film is None:
            self._waiting = 0
            return False
        self._waiting -= 1
        self._tally.begin(film)
        self._running[film] = None
        assert self._crew.hello is not None
        self._go_on(film, lambda: film.begin(self._model))
        return True

    @property
    def _model(self) -> dict[str, object]:
        assert self._crew.hello is not None
        return self._crew.hello.model

    def _go_on(self, film: Film, step: Callable[[], list[Unit]]) -> None:
        """The film's next step; what is wrong with the film ends the film alone."""
        try:
            self._ready += step()
        except UserError as error:
            film.fail(error)
        if film.is_over:
            self._tally.end(film)
            self._over(film)
            del self._running[film]

    def _hear(self) -> None:
        by_ticket = {hand.ticket: hand for hand in self._crew.hands if hand.ticket is not None}
        polls = {hand.poll: hand for hand in self._crew.hands if hand.poll is not None}
        if not by_ticket:
            threading.Event().wait(WAIT_S)
        for ticket in self._pool.ready([*by_ticket, *polls], WAIT_S):
            if ticket in polls:
                self._hear_how_far(polls[ticket])
            elif (hand := by_ticket[ticket]) in self._crew.hands:
                self._hear_from(hand)
        self._show_all()

    def _hear_from(self, hand: Hand) -> None:
        unit = hand.unit
        if unit is None:
            self._crew.start(hand)
            return
        answer = self._crew.take(hand)
        self._tally.units += 1
        if not unit.is_wanted:
            return
        if isinstance(answer, Failure):
            self._failed(unit, answer, hand)
            return
        self._crew.succeeded(unit, hand.node)
        self._go_on(unit.film, lambda: unit.film.took(answer))

    def _failed(self, unit: Unit, failure: Failure, hand: Hand) -> None:
        unit.tries += 1
        unit.failed_on.add(hand.node.id)
        logger.info("%s: %s failed: %s", unit.film.job.source, unit.what, failure.message)
        if failure.is_final or unit.tries >= TRIES:
            film = unit.film
            film.fail(failure.error)
            self._go_on(film, list)
            return
        self._tally.again += 1
        unit.not_before_s = now_s() + RETRY_S * unit.tries
        self._ready.append(unit)

    def _ask_how_far(self) -> None:
        """Some of the workers each time, so that a thousand of them do not keep the driver busy."""
        if now_s() - self._polled_s < POLL_S:
            return
        self._polled_s = now_s()
        silent = [hand for hand in self._crew.at_work if hand.poll is None]
        for hand in silent[:POLLS]:
            hand.poll = self._pool.ask(hand.actor, "seen")

    def _hear_how_far(self, hand: Hand) -> None:
        ticket, hand.poll = hand.poll, None
        try:
            hand.seen, total = self._pool.answer(ticket)
        except Lost:
            return  # its task's ticket says so, too
        if hand.unit is not None and hand.unit.rank() == NEW_FILM and total is not None:
            hand.unit.film.frames = total

    def _show_all(self) -> None:
        seen: Counter[Film] = Counter(dict.fromkeys(self._running, 0))
        for hand in self._crew.at_work:
            if hand.unit is not None and hand.unit.film in seen:
                seen[hand.unit.film] += hand.seen
        self._show(*self._tally.frames(seen), self._tally)

    def _stop_all(self) -> None:
        """Lets workers put away what they are at; whoever takes longer is ended with the run."""
        self._cancel.set()
        self._ready = []
        for hand in self._crew.at_work:
            self._pool.ask(hand.actor, "stop")
        end_s = now_s() + LAST_WORDS_S
        while self._is_busy() and now_s() < end_s:
            self._hear()
