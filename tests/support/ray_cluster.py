"""A Ray cluster of three nodes on loopback, in processes of its own: Ray is not loaded into the tests'."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
import psutil  # Ray makes its own importable

def is_worker(process):
    try:
        return "ray::Worker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False

options = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=options)
nodes = [cluster.head_node] + [cluster.add_node(num_cpus=1, object_store_memory=80 << 20) for _ in range(2)]
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    found = {}
    if line == "kill a node\\n":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
    else:
        ours = psutil.Process().children(recursive=True)
        found = {"workers": [it.pid for it in ours if is_worker(it)]}
    print(json.dumps(found), flush=True)
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
        self._ask("kill a node")

    def worker_pids(self) -> list[int]:
        """Of those workers that are hired."""
        return list(self._ask("workers")["workers"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
        raise AssertionError("the cluster did not start")
