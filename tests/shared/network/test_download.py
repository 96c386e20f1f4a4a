"""A download ends whole, verified and under its name, or leaves nothing under that name."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shared import UserError
from shared.network.download import DownloadFailed, download
from tests.conftest import REPOSITORY
from tests.support.loopback import Behaviour, serving

CONTENT = np.random.default_rng(5).bytes(400_000)
FETCH = """
import sys
from pathlib import Path
from shared.network.download import download
download(sys.argv[1], Path(sys.argv[2]), verify=lambda path: None)
"""


def accept(path: Path) -> None:
    assert path.read_bytes() == CONTENT


def refuse(path: Path) -> None:
    raise UserError("The file is an HTML page.", "Try later.")


def start_fetching(url: str, target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url, str(target)], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    )


def test_a_file_arrives_whole_in_a_folder_made_for_it(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "weights" / "file.pt"
    with serving(Behaviour(CONTENT)) as url:
        download(url, target, verify=accept)
    assert target.read_bytes() == CONTENT
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("breaks", [1, 3])
def test_a_broken_connection_is_continued_where_it_broke(tmp_path: Path, breaks: int) -> None:
    behaviour = Behaviour(CONTENT, breaks=breaks)
    with serving(behaviour) as url:
        download(url, tmp_path / "file.pt", verify=accept)
    assert len(behaviour.requests) == breaks + 1
    assert behaviour.requests[:2] == ["", f"bytes={len(CONTENT) // 2}-"]


def test_a_later_run_continues(tmp_path: Path) -> None:
    target = tmp_path / "file.pt"
    target.with_name("file.pt.part").write_bytes(CONTENT[:1234])
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as url:
        download(url, target, verify=accept)
    assert behaviour.requests == ["bytes=1234-"]
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "file.pt"
    target.with_name("file.pt.part").write_bytes(CONTENT)
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as url:
        download(url, target, verify=accept)
    assert behaviour.requests == [f"bytes={len(CONTENT)}-"]
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_begun_anew(tmp_path: Path) -> None:
    target = tmp_path / "file.pt"
    target.with_name("file.pt.part").write_bytes(CONTENT + b"more")
    with serving(Behaviour(CONTENT)) as url:
        download(url, target, verify=accept)
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_begins_anew(tmp_path: Path) -> None:
    behaviour = Behaviour(CONTENT, breaks=1, ranges=False)
    with serving(behaviour) as url:
        download(url, tmp_path / "file.pt", verify=accept)
    assert (tmp_path / "file.pt").read_bytes() == CONTENT


def test_what_came_is_kept_when_the_server_breaks_off_for_good(tmp_path: Path) -> None:
    with serving(Behaviour(CONTENT, breaks=99)) as url, pytest.raises(DownloadFailed, match="broke off"):
        download(url, tmp_path / "file.pt", verify=accept)
    assert not (tmp_path / "file.pt").exists()
    part = (tmp_path / "file.pt.part").read_bytes()
    assert len(part) > len(CONTENT) // 2
    assert CONTENT.startswith(part)


def test_what_is_not_wanted_is_deleted(tmp_path: Path) -> None:
    with serving(Behaviour(CONTENT)) as url, pytest.raises(DownloadFailed, match="HTML page"):
        download(url, tmp_path / "file.pt", verify=refuse)
    assert not list(tmp_path.glob("file.pt")) + list(tmp_path.glob("*.part"))


def test_the_servers_refusal_is_named(tmp_path: Path) -> None:
    behaviour = Behaviour(b"not here", status=404)
    with serving(behaviour) as url, pytest.raises(DownloadFailed, match="answered 404"):
        download(url, tmp_path / "file.pt", verify=accept)
    assert len(behaviour.requests) == 1


def test_a_server_that_never_answers_is_given_up_at_once(tmp_path: Path) -> None:
    behaviour = Behaviour(CONTENT, stalls=True)
    with serving(behaviour) as url, pytest.raises(DownloadFailed, match="timed out"):
        download(url, tmp_path / "file.pt", verify=accept, timeout_s=0.2)
    assert len(behaviour.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/file.pt", "http://no.such.host.invalid/f", "nonsense"])
def test_no_way_to_the_server_is_said(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        download(url, tmp_path / "file.pt", verify=accept)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with serving(Behaviour(CONTENT)) as url, pytest.raises(DownloadFailed, match="cannot be written"):
        download(url, tmp_path / "cache" / "file.pt", verify=accept)


def test_two_processes_fetch_once_and_both_succeed(tmp_path: Path) -> None:
    behaviour = Behaviour(CONTENT, bytes_per_s=400_000)
    with serving(behaviour) as url:
        running = [start_fetching(url, tmp_path / "file.pt") for _ in range(2)]
        errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    assert len(behaviour.requests) == 1
    assert (tmp_path / "file.pt").read_bytes() == CONTENT


def test_a_process_killed_half_way_leaves_what_the_next_continues(tmp_path: Path) -> None:
    part = tmp_path / "file.pt.part"
    with serving(Behaviour(CONTENT, bytes_per_s=100_000)) as url:
        process = start_fetching(url, tmp_path / "file.pt")
        deadline_s = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.kill()
        process.communicate()
    assert not (tmp_path / "file.pt").exists()
    came = part.stat().st_size
    assert came > 0
    behaviour = Behaviour(CONTENT)
    with serving(behaviour) as url:
        download(url, tmp_path / "file.pt", verify=accept)
    assert behaviour.requests == [f"bytes={came}-"]
    assert (tmp_path / "file.pt").read_bytes() == CONTENT
