"""A cluster without Ray: nodes whose workers are threads of this process, and can be lost on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from video.cluster.nodes import Lost, Node
from video.cluster.worker import Worker


class ThreadHand:
    def __init__(self, node: Node, worker: Any) -> None:
        self.node, self.worker = node, worker
        self.threads = ThreadPoolExecutor(3)
        self.lost = threading.Event()


class ThreadPool:
    """make_worker: takes what `Worker` takes. before: called with (node, method, arguments) before each call;
    returning True loses the worker instead.
    """

    def __init__(
        self,
        *cores: int,
        make_worker: Callable[..., Any] = Worker,
        before: Callable[[Node, str, tuple[Any, ...]], bool | None] = lambda *_: None,
    ) -> None:
        self.alive = [Node(f"id{number}", f"node{number}", count) for number, count in enumerate(cores, 1)]
        self.hired: list[ThreadHand] = []
        self.most_at_work = 0
        self._make_worker, self._before = make_worker, before

    def nodes(self) -> list[Node]:
        return list(self.alive)

    def hire(self, node: Node, cores: int, *arguments: Any) -> ThreadHand:
        hand = ThreadHand(node, self._make_worker(node.name, cores, *arguments))
        self.hired.append(hand)
        return hand

    def ask(self, hand: ThreadHand, method: str, *arguments: Any) -> Future[Any]:
        def call() -> Any:
            if self._before(hand.node, method, arguments) or hand.lost.is_set():
                hand.lost.set()
                raise Lost("it was killed")
            return getattr(hand.worker, method)(*arguments)

        return hand.threads.submit(call)

    def ready(self, tickets: Sequence[Future[Any]], timeout_s: float) -> list[Future[Any]]:
        return list(wait(tickets, timeout_s, FIRST_COMPLETED).done)

    def answer(self, ticket: Future[Any]) -> Any:
        return ticket.result()

    def fire(self, hand: ThreadHand) -> None:
        hand.lost.set()
        with suppress(AttributeError):  # a stand-in has nothing to stop
            hand.worker.stop()
        hand.threads.shutdown()

    def close(self) -> None:
        for hand in self.hired:
            self.fire(hand)
