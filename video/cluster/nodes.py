"""The cluster itself: the only file that knows Ray. Its nodes, workers on them, what they answer.

Ray prints, serves a dashboard and reports its use to its makers unless it is told not to; it is told here.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from shared import UserError
from video.cluster.worker import Worker

logger = logging.getLogger(__name__)

LOCAL = "local"
OBJECT_STORE_BYTES = 80 << 20  # Ray's least, nearly: pictures do not go through it
CONNECT_S = 5.0
THREADS = 3  # of a worker: one for its task, the others answer meanwhile
INSTALL_HINT = 'Install it with: pip install "depth-viewer[cluster]"'


class Lost(Exception):
    """A worker is gone before it answered. args[0]: why, in few words."""


@dataclass(frozen=True)
class Node:
    """id: the cluster's own. name: for people. cores: how many it gives to workers in all."""

    id: str
    name: str
    cores: int


class Pool(Protocol):
    """Workers on nodes; `hand` and `ticket` are its own business."""

    def nodes(self) -> list[Node]: ...
    def hire(self, node: Node, cores: int, *arguments: Any) -> Any: ...
    def ask(self, hand: Any, method: str, *arguments: Any) -> Any: ...
    def ready(self, tickets: Sequence[Any], timeout_s: float) -> list[Any]: ...
    def answer(self, ticket: Any) -> Any:
        """Raises Lost."""
        ...

    def fire(self, hand: Any) -> None: ...
    def close(self) -> None: ...


class RayPool:
    """A Ray cluster at an address, or one of this machine's cores. Raises UserError when there is none."""

    def __init__(self, address: str) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self._closing = ExitStack()
        options = self._own() if address == LOCAL else {"address": address}
        self._ray = _import_ray()  # which reads the environment
        if address != LOCAL:
            _check_answers(address)
        try:
            self._ray.init(
                **options, logging_level=logging.ERROR, log_to_driver=False, configure_logging=False
            )
        except Exception as error:  # whatever Ray raises: a dead address alone has three kinds
            self.close()
            raise _no_cluster(address, _first_line(error)) from None

    def _own(self) -> dict[str, Any]:
        """A cluster for this run alone: on loopback, with a password that nobody else has."""
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # what Ray calls staying on loopback
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
        folder = tempfile.TemporaryDirectory(prefix="depth-ray-", ignore_cleanup_errors=True)
        self._closing.enter_context(folder)
        return {
            "address": LOCAL,
            "num_cpus": os.cpu_count(),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            "_temp_dir": folder.name,
        }

    def nodes(self) -> list[Node]:
        """Those that live and have cores."""
        alive = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        names = [_name(node) for node in alive]
        return [
            Node(
                node["NodeID"],
                name if names.count(name) == 1 else f"{name} ({node['NodeID'][:6]})",
                int(node["Resources"]["CPU"]),
            )
            for node, name in zip(alive, names, strict=True)
        ]

    def hire(self, node: Node, cores: int, *arguments: Any) -> Any:
        """A worker on this node, once so many of its cores are free."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return (
            self._ray.remote(Worker)
            .options(
                num_cpus=cores,
                max_concurrency=THREADS,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            )
            .remote(node.name, cores, *arguments)
        )

    def ask(self, hand: Any, method: str, *arguments: Any) -> Any:
        return getattr(hand, method).remote(*arguments)

    def ready(self, tickets: Sequence[Any], timeout_s: float) -> list[Any]:
        if not tickets:
            return []
        done, _ = self._ray.wait(list(tickets), num_returns=len(tickets), timeout=timeout_s)
        return list(done)

    def answer(self, ticket: Any) -> Any:
        try:
            return self._ray.get(ticket)
        except self._ray.exceptions.RayError as error:
            logger.info("a worker is lost: %s", error)
            raise Lost(_cause(error)) from None

    def fire(self, hand: Any) -> None:
        self._ray.kill(hand)

    def close(self) -> None:
        with suppress(Exception):
            self._ray.shutdown()
        self._closing.close()


def _import_ray() -> Any:
    try:
        import ray
        from ray._private import worker as ray_worker
    except ImportError:
        raise UserError("--cluster needs Ray, which is not installed here.", INSTALL_HINT) from None
    # Ray prints on stdout whatever happens to a worker; the driver says it in its own words.
    ray_worker.print_to_stdstream = lambda *_, **__: None
    return ray


def _check_answers(address: str) -> None:
    """Ray itself tries for minutes, and writes about it. Raises UserError when nobody listens there."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return  # 'auto', or nothing that Ray would take
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, getattr(error, "strerror", None) or str(error)) from None


def _no_cluster(address: str, why: str) -> UserError:
    return UserError(
        f"No Ray cluster can be used at {address}: {why}.",
        "Start one with: ray start --head; run depth-video on a machine that belongs to it.",
        exit_code=1,
    )


def _name(node: dict[str, Any]) -> str:
    """What `ray start --node-name` gave, else the host's name."""
    given, address = node.get("NodeName"), node["NodeManagerAddress"]
    return str(given if given and given != address else node["NodeManagerHostname"])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _cause(error: Exception) -> str:
    """The last line of a traceback that came along, else the first of the message."""
    text = str(error).strip()
    lines = [line for line in text.splitlines() if line.startswith(("ModuleNotFoundError", "ImportError"))]
    return lines[-1] if lines else _first_line(error)
