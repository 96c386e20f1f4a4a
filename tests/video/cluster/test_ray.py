"""The command on real Ray clusters, on loopback: nodes, workers and the driver are killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared import NetworkChoice
from tests.support.ray_cluster import ENVIRONMENT, REPOSITORY, RayCluster
from tests.video.cluster.test_driver import check_like, left_in

psutil = pytest.importorskip("psutil", reason="psutil is not installed")
pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
    pytest.mark.timeout(600),
]


@pytest.fixture
def ray_cluster() -> Iterator[RayCluster]:
    cluster = RayCluster()
    yield cluster
    cluster.close()


@pytest.fixture
def command(film: Path, network: NetworkChoice, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "video.__main__", str(film), "--output-dir", str(tmp_path / "out")),
                *("--weights", str(network.weights), "--size", str(network.size)),
                *("--crf", "0", "--preset", "ultrafast", "--verbose", *options),
            ],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def when(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits until something is there, or the process has ended."""
    while not there() and process.poll() is None:
        time.sleep(0.02)


def test_one_machine_as_a_cluster(
    command: Callable[..., subprocess.Popen[str]], whole: Path, tmp_path: Path
) -> None:
    """Nothing of Ray's is said, listens to other machines, or is left."""
    process = command("--cluster", "local")
    when((tmp_path / "out" / ".film-depth.pieces").is_dir, process)
    listening = listening_addresses(process.pid)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert listening
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}
    check_like(tmp_path / "out" / "film-depth.mp4", whole, exact=False)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]
    assert "raylet" not in out + err
    assert "on node" in err
    assert out.splitlines()[-1].endswith("0 of them had to be done again.")


def listening_addresses(pid: int) -> list[str]:
    found: list[str] = []
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # one that has just ended listens to nobody
            connections = process.net_connections("tcp")
            found += [it.laddr.ip for it in connections if it.status == psutil.CONN_LISTEN]
    return found


def test_a_node_a_worker_and_the_driver_are_killed(
    command: Callable[..., subprocess.Popen[str]], ray_cluster: RayCluster, whole: Path, tmp_path: Path
) -> None:
    pieces = tmp_path / "out" / ".film-depth.pieces"
    process = command("--cluster", ray_cluster.address, "--quiet")
    when(lambda: any(pieces.glob(".*.part.mp4")), process)
    ray_cluster.kill_a_node()
    when((pieces / f"{0:09d}.mp4").exists, process)
    process.kill()  # and with it, its workers
    process.wait()
    process = command("--cluster", ray_cluster.address, "--resume")
    when(lambda: any(pieces.glob(".*.part.mp4")), process)
    for pid in ray_cluster.worker_pids()[:1]:
        os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    check_like(tmp_path / "out" / "film-depth.mp4", whole, exact=False)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]
    assert "of them had to be done again" in out
    assert "Traceback" not in err


def test_ctrl_c_once_finishes_what_runs(
    command: Callable[..., subprocess.Popen[str]], whole: Path, tmp_path: Path
) -> None:
    pieces = tmp_path / "out" / ".film-depth.pieces"
    process = command("--cluster", "local", "--jobs", "1", "--quiet")
    when(lambda: any(pieces.glob(".*.part.mp4")), process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 130, err
    assert "Finishing 1 units" in err
    kept = sorted(path.stem for path in pieces.glob("*.mp4"))
    assert kept == [f"{0:09d}"]
    assert "--resume goes on from there" in out
    process = command("--cluster", "local", "--jobs", "1", "--resume", "--quiet")
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    check_like(tmp_path / "out" / "film-depth.mp4", whole)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]


def test_an_address_where_no_cluster_is(command: Callable[..., subprocess.Popen[str]]) -> None:
    process = command("--cluster", "127.0.0.1:9")
    _, err = process.communicate(timeout=500)
    assert process.returncode == 1
    assert "No Ray cluster can be used at 127.0.0.1:9" in err
    assert "Traceback" not in err
