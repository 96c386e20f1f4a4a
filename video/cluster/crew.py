"""The workers of a cluster: who is hired on which node, who is idle, which nodes are not used and why."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared import UserError
from shared.handoff import now_s
from video.cluster.films import Unit
from video.cluster.nodes import INSTALL_HINT, Lost, Node, Pool
from video.cluster.worker import Failure, Hello

logger = logging.getLogger(__name__)

RENEW_S = 3.0
NODELESS_S = 60.0  # so long it is waited for a node when the last one is gone
START_TRIES = 3
BLAMED = 3  # tasks in a row that failed on a node and not on another one


@dataclass(eq=False)
class Hand:
    """A worker. ticket: what it was asked last and has not answered. unit: what it works at."""

    node: Node
    actor: Any
    ticket: Any
    unit: Unit | None = None
    poll: Any = None
    seen: int = 0
    is_ready: bool = False


class Crew:
    """Hires and fires.

    cores: of each worker. most: how many there may be; None: as many as there are cores for.
    arguments: what a new worker is given beside its node and its cores.
    """

    def __init__(self, pool: Pool, cores: int, most: int | None, arguments: Sequence[Any]) -> None:
        self.hands: list[Hand] = []
        self.hello: Hello | None = None
        self.worked: set[str] = set()
        self._pool, self._cores, self._most, self._arguments = pool, cores, most, arguments
        self._unused: dict[str, str] = {}
        self._failed_starts: Counter[str] = Counter()
        self._blamed: Counter[str] = Counter()
        self._first = ""
        self._renewed_s = self._nodeless_s = now_s()
        self._nodes = self._usable()

    @property
    def idle(self) -> list[Hand]:
        """Those that wait for something to do, on nodes that are used."""
        ready = [hand for hand in self.hands if hand.is_ready and hand.unit is None]
        return [hand for hand in ready if hand.node.id not in self._unused]

    @property
    def at_work(self) -> list[Hand]:
        return [hand for hand in self.hands if hand.unit is not None]

    def hire(self, wanted: int) -> None:
        """So that there are `wanted` workers, as far as the cluster has cores.

        Raises UserError when no node can be used, or none has been there for a while.
        """
        if now_s() - self._renewed_s > RENEW_S:
            self._renew()
        wanted = min(wanted, self._most or wanted)
        while len(self.hands) < wanted and (node := self._freest()) is not None:
            actor = self._pool.hire(node, self._cores, *self._arguments)
            self.hands.append(Hand(node, actor, self._pool.ask(actor, "hello")))
        if self.hands or self._nodes:
            self._nodeless_s = now_s()
        elif self._unused or now_s() - self._nodeless_s > NODELESS_S:
            raise self._nobody()

    def start(self, hand: Hand) -> None:
        """Hears what a new worker says of itself."""
        try:
            hello = self._pool.answer(hand.ticket)
        except Lost as error:
            self._could_not_start(hand, str(error))
            return
        hand.ticket = None
        if isinstance(hello, Failure):
            self.leave_out(hand.node, hello.message, hello.hint)
        elif difference := self._difference(hello, hand.node):
            self.leave_out(hand.node, difference, "Install the same on every node.")
        else:
            hand.is_ready = True
            self.worked.add(hand.node.id)

    def give(self, hand: Hand, unit: Unit) -> None:
        hand.unit, hand.seen = unit, 0
        hand.ticket = self._pool.ask(hand.actor, "run", unit.make())
        logger.info("%s: %s on node %s", unit.film.job.source, unit.what, hand.node.name)

    def take(self, hand: Hand) -> object:
        """The answer of a worker that has one; a Failure where the worker is gone."""
        hand.unit = None
        try:
            return self._pool.answer(hand.ticket)
        except Lost as error:
            self.hands.remove(hand)
            self._renewed_s = 0.0
            return Failure(
                f"A worker on node {hand.node.name} was lost: {error}.",
                "Check that the node has memory left; --verbose says more.",
            )
        finally:
            hand.ticket = None

    def succeeded(self, unit: Unit, here: Node) -> None:
        """Where it failed before, that node was at fault; one with only faults is not used any more."""
        self._blamed[here.id] = 0
        for node in self._nodes:
            if node.id in unit.failed_on and len(self._nodes) > 1:
                self._blamed[node.id] += 1
                if self._blamed[node.id] == BLAMED:
                    self.leave_out(node, f"Node {node.name} fails where others do not.", "See --verbose.")

    def others(self, unit: Unit) -> bool:
        """Whether there is a node on which the unit has not failed yet."""
        return any(node.id not in unit.failed_on for node in self._nodes)

    def leave_out(self, node: Node, message: str, hint: str) -> None:
        """Its workers go once they are idle; it is said once."""
        if node.id not in self._unused:
            self._unused[node.id] = message
            logger.warning("%s It is not used. %s", message, hint)
        self._nodes = [it for it in self._nodes if it.id != node.id]
        for hand in [it for it in self.hands if it.node.id == node.id and it.unit is None]:
            self.dismiss(hand)

    def dismiss(self, hand: Hand) -> None:
        self.hands.remove(hand)
        self._pool.fire(hand.actor)

    def _renew(self) -> None:
        self._nodes, self._renewed_s = self._usable(), now_s()
        alive = {node.id for node in self._nodes}
        for hand in [it for it in self.hands if it.is_ready and it.unit is None and it.node.id not in alive]:
            self.dismiss(hand)

    def _usable(self) -> list[Node]:
        alive = [it for it in self._pool.nodes() if it.id not in self._unused]
        return [node for node in alive if node.cores >= self._cores]

    def _freest(self) -> Node | None:
        hired = Counter(hand.node.id for hand in self.hands)
        room = {node: node.cores // self._cores - hired[node.id] for node in self._nodes}
        node = max(room, key=lambda it: room[it], default=None)
        return node if node is not None and room[node] > 0 else None

    def _could_not_start(self, hand: Hand, why: str) -> None:
        self.hands.remove(hand)
        self._renewed_s = 0.0
        self._failed_starts[hand.node.id] += 1
        if self._failed_starts[hand.node.id] >= START_TRIES:
            message = f"No worker can be started on node {hand.node.name}: {why}."
            self.leave_out(hand.node, message, f"Every node needs depth-viewer. {INSTALL_HINT}")

    def _difference(self, hello: Hello, node: Node) -> str:
        """What sets a node apart from the first one: its pictures would not fit in between."""
        if self.hello is None:
            self.hello, self._first = hello, node.name
        mine, first = ({**it.versions, **it.model} for it in (hello, self.hello))
        for name in first:
            if mine.get(name) != first[name]:
                return f"Node {node.name} has {name} {mine.get(name)}, node {self._first} {first[name]}."
        return ""

    def _nobody(self) -> UserError:
        if self._unused:
            return UserError(
                f"No node can be used. {next(iter(self._unused.values()))}",
                "See the hints above.",
                exit_code=1,
            )
        return UserError(
            f"No node of the cluster has {self._cores} cores for a worker.",
            "Add nodes with ray start --address, or ask for fewer with --worker-cores.",
            exit_code=1,
        )
