"""A Ray cluster of three nodes on loopback, in processes of its own. Needs Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(REPOSITORY),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback
    "RAY_AUTH_MODE": "disabled",
}
CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster
options = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=options)
nodes = [cluster.head_node] + [cluster.add_node(num_cpus=1, object_store_memory=80 << 20) for _ in range(2)]
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes.pop(), allow_graceful=False)
    print("{}", flush=True)
cluster.shutdown()
"""


class RayCluster:
    """Three nodes of one core each. address: for --cluster."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._answer()["address"]

    def kill_a_node(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._answer()

    def worker_pids(self) -> list[int]:
        """Of those workers that are hired."""
        import ray  # noqa: F401 - it makes its own psutil importable
        import psutil  # isort: skip

        ours = psutil.Process(self._process.pid).children(recursive=True)
        found = []
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                found += [process.pid] if "ray::Worker" in " ".join(process.cmdline()) else []
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _answer(self) -> dict[str, str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
        raise AssertionError("the cluster did not start")
