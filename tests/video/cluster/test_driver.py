"""The way of films through a crew: nothing lost, nothing twice, whatever fails on the way. Without Ray."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared import Look as Looks
from shared import NetworkChoice, UserError
from tests.support.crews import ThreadPool
from tests.support.films import CUT, FRAMES, RATE, SEAM
from tests.support.small_disk import small_disk
from tests.support.video_files import facts, ffmpeg, pictures_rgb
from tests.video.cluster.conftest import EXACT
from video.cluster import ClusterChoice, run_cluster
from video.cluster.nodes import Node
from video.cluster.tasks import ConvertSegment, FindCut, Join, Look
from video.convert import ConvertSettings
from video.plan import BatchOptions

Convert = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def cluster(network: NetworkChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    """cluster(*inputs, pool=...) -> (exit code, lines said); outputs go to tmp_path / "out"."""
    monkeypatch.setattr("video.cluster.driver.RETRY_S", 0.01)

    def run(*inputs: Path, pool: ThreadPool, settings: ConvertSettings = EXACT, **choice: Any) -> Any:
        said: list[str] = []
        options = BatchOptions([*inputs], output_dir=tmp_path / "out", network=network, quiet=False)
        code = run_cluster(
            options,
            settings,
            ClusterChoice("threads", **choice),
            say=said.append,
            connect=lambda _: pool,
        )
        return code, said

    return run


def check_like(output: Path, whole: Path, *, exact: bool = True) -> None:
    found, expected = facts(output), facts(whole)
    assert (found.frames, found.frame_rate) == (expected.frames, expected.frame_rate) == (FRAMES, RATE)
    assert abs(found.duration_s - expected.duration_s) <= 1 / RATE
    assert found.audio_hashes == expected.audio_hashes
    assert found.first_picture_s == expected.first_picture_s
    difference = np.abs(pictures_rgb(output).astype(np.int16) - pictures_rgb(whole))
    by_frame = difference.mean(axis=(1, 2, 3))
    if exact:
        assert by_frame.max() == 0
    assert by_frame[:SEAM].max() == 0
    assert by_frame.mean() <= 2


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_one_worker_makes_what_one_machine_makes(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path
) -> None:
    """It takes the segments of a take in order and goes on from the state of the one before."""
    asked: list[Any] = []
    pool = ThreadPool(1, before=lambda _, __, arguments: asked.extend(arguments))
    code, said = cluster(film, pool=pool)
    assert code == 0
    check_like(tmp_path / "out" / "film-depth.mp4", whole)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]
    kinds = Counter(type(task) for task in asked)
    assert (kinds[Look], kinds[Join]) == (1, 1)
    assert kinds[FindCut] == 2
    segments = sorted(task.segment.start for task in asked if isinstance(task, ConvertSegment))
    assert segments == [0, CUT, SEAM]
    assert said[-1].endswith("0 of them had to be done again.")


def test_many_workers_run_in_where_the_state_is_not_there_yet(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path
) -> None:
    asked: list[Any] = []
    pool = ThreadPool(2, 2, 2, before=lambda _, __, arguments: asked.extend(arguments))
    assert cluster(film, pool=pool)[0] == 0
    check_like(tmp_path / "out" / "film-depth.mp4", whole, exact=False)
    inside = [task for task in asked if isinstance(task, ConvertSegment) and task.segment.in_take]
    assert inside
    assert any(task.before is None for task in inside)


def test_whatever_is_lost_is_done_again_elsewhere(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path
) -> None:
    """Each unit's first try is lost with its worker."""
    tried: Counter[Any] = Counter()
    places: dict[Any, set[str]] = {}

    def lose_first(node: Node, method: str, arguments: tuple[Any, ...]) -> bool:
        if method != "run":
            return False
        task = arguments[0]
        key = (type(task), getattr(task, "segment", getattr(task, "window", None)))
        tried[key] += 1
        places.setdefault(key, set()).add(node.id)
        return tried[key] == 1

    code, said = cluster(film, pool=ThreadPool(1, 1, before=lose_first))
    assert code == 0
    check_like(tmp_path / "out" / "film-depth.mp4", whole, exact=False)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]
    assert set(tried.values()) == {2}
    assert all(len(nodes) == 2 for nodes in places.values())
    assert said[-1].endswith(f"{len(tried)} of them had to be done again.")


def test_what_fails_three_times_fails_its_film_and_no_other(
    cluster: Convert, film: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    ffmpeg("-v", "error", "-i", film, "-t", "2", "-c", "copy", other)
    tries = 0

    def lose(_: Node, __: str, arguments: tuple[Any, ...]) -> bool:
        nonlocal tries
        is_bad = any(isinstance(it, ConvertSegment) and it.segment.start == CUT for it in arguments)
        tries += is_bad
        return is_bad

    code, said = cluster(film, other, pool=ThreadPool(1, 1, before=lose))
    assert code == 1
    assert tries == 3
    assert "was lost" in "\n".join(said)
    assert "--resume goes on from there" in "\n".join(said)
    assert facts(tmp_path / "out" / "other-depth.mp4").frames == 2 * RATE
    code, _ = cluster(film, other, pool=ThreadPool(1), settings=replace(EXACT, resume=True))
    assert code == 0
    assert left_in(tmp_path / "out") == ["film-depth.mp4", "other-depth.mp4"]


def test_resume_does_only_what_is_missing(cluster: Convert, film: Path, whole: Path, tmp_path: Path) -> None:
    """The driver is killed: what it had finished stays, what was at work is cleared away."""

    def die(_: Node, __: str, arguments: tuple[Any, ...]) -> bool:
        if any(isinstance(it, Join) for it in arguments):
            raise SystemExit  # comes out of the driver as nothing that it knows
        return False

    with pytest.raises(SystemExit):
        cluster(film, pool=ThreadPool(1, before=die))
    folder = tmp_path / "out" / ".film-depth.pieces"
    piece = folder / f"{CUT:09d}.mp4"
    piece.unlink()
    (folder / f".{CUT:09d}.new.0123abcd.part.mp4").write_bytes(b"half")
    with pytest.raises(UserError, match="kept of a conversion"):
        cluster(film, pool=ThreadPool(1))
    with pytest.raises(UserError, match="made with another --crf"):
        cluster(film, pool=ThreadPool(1), settings=ConvertSettings(resume=True))
    asked: list[Any] = []
    pool = ThreadPool(1, before=lambda _, __, arguments: asked.extend(arguments))
    assert cluster(film, pool=pool, settings=replace(EXACT, resume=True))[0] == 0
    assert [task.segment.start for task in asked if isinstance(task, ConvertSegment)] == [CUT]
    check_like(tmp_path / "out" / "film-depth.mp4", whole)
    assert left_in(tmp_path / "out") == ["film-depth.mp4"]


def test_a_piece_that_lacks_frames_is_made_again(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path
) -> None:
    def spoil(_: Node, __: str, arguments: tuple[Any, ...]) -> bool:
        if arguments and isinstance(arguments[0], Join) and not spoiled:
            spoiled.append(True)
            shutil.copy(arguments[0].pieces[1][1], arguments[0].pieces[0][1])
        return False

    spoiled: list[bool] = []
    assert cluster(film, pool=ThreadPool(1, before=spoil))[0] == 0
    check_like(tmp_path / "out" / "film-depth.mp4", whole)


def test_a_film_that_ends_before_its_header_says(
    cluster: Convert, film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torn = tmp_path / "torn.mp4"
    ffmpeg("-v", "error", "-i", film, "-map", "0:v", "-c", "copy", "-movflags", "+faststart", torn)
    data = torn.read_bytes()
    torn.write_bytes(data[: len(data) * 8 // 10])
    assert cluster(torn, pool=ThreadPool(1, 1))[0] == 0
    assert SEAM < facts(tmp_path / "out" / "torn-depth.mp4").frames < FRAMES
    assert "ends early" in caplog.text


def test_an_unreadable_file_fails_alone_and_at_once(cluster: Convert, film: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no film " * 100, "utf-8")
    short = tmp_path / "short.mp4"
    ffmpeg("-v", "error", "-i", film, "-t", "2", "-c", "copy", short)
    code, said = cluster(text, short, pool=ThreadPool(1, 1))
    assert code == 1
    assert "cannot be read as a video" in "\n".join(said)
    assert "0 of them" in said[-1]
    assert left_in(tmp_path / "out") == ["short-depth.mp4"]


def test_a_node_that_does_not_see_the_outputs_is_named_and_not_used(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from video.cluster.worker import Worker

    def blind_second(node: str, cores: int, network: Any, settings: Any, sign: Path) -> Worker:
        seen = sign if node != "node2" else tmp_path / "elsewhere" / "sign"
        return Worker(node, cores, network, settings, seen)

    code, _ = cluster(film, pool=ThreadPool(1, 1, make_worker=blind_second))
    assert code == 0
    assert "Node node2 does not see" in caplog.text
    check_like(tmp_path / "out" / "film-depth.mp4", whole)
    pool = ThreadPool(1, make_worker=blind_second)
    pool.alive = [Node("x", "node2", 1)]
    with pytest.raises(UserError, match=r"No node can be used\. Node node2"):
        cluster(film, pool=pool, settings=replace(EXACT, overwrite=True))


def test_a_node_with_other_weights_is_named_and_not_used(
    cluster: Convert, film: Path, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from video.cluster.worker import Worker

    def other(node: str, cores: int, network: NetworkChoice, *rest: Any) -> Worker:
        return Worker(node, cores, replace(network, size=96) if node == "node2" else network, *rest)

    started = threading.Event()

    def second_waits(node: Node, method: str, _: Any) -> bool:
        if method == "hello" and node.name == "node2":
            started.wait(20)
        started.set()
        return False

    assert cluster(film, pool=ThreadPool(1, 1, make_worker=other, before=second_waits))[0] == 0
    assert "Node node2 has network size 96, node node1 64" in caplog.text
    check_like(tmp_path / "out" / "film-depth.mp4", whole)


def test_no_node_has_the_cores(cluster: Convert, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video.cluster.crew.NODELESS_S", 0.0)
    with pytest.raises(UserError, match="No node of the cluster has 4 cores"):
        cluster(film, pool=ThreadPool(2, 3), cores=4)


def test_a_node_whose_disk_is_full_is_not_used_any_more(
    cluster: Convert, film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from video.cluster.worker import Failure, Worker

    class Full(Worker):
        def run(self, task: Any) -> object:
            return (
                Failure("The disk is full.", "Free some room.")
                if self._node == "node2"
                else super().run(task)
            )

    clips = [tmp_path / f"{number}.mp4" for number in range(8)]
    for number, clip in enumerate(clips):
        ffmpeg("-v", "error", "-i", film, "-t", str(10 - number), "-c", "copy", clip)
    code, said = cluster(*clips, pool=ThreadPool(1, 1, make_worker=Full))
    assert code == 0, said
    assert "Node node2 fails where others do not. It is not used." in caplog.text
    assert left_in(tmp_path / "out") == [f"{number}-depth.mp4" for number in range(8)]


def test_a_disk_that_is_full_fails_the_film_that_does_not_fit(
    cluster: Convert, film: Path, tmp_path: Path
) -> None:
    """With a sentence; a clip that fits is converted, and nothing half-written is left."""
    clip = tmp_path / "clip.mp4"
    ffmpeg("-v", "error", "-i", film, "-t", "1", "-c", "copy", clip)
    settings = replace(EXACT, look=Looks("side-by-side"))
    with small_disk(tmp_path / "out", 5) as out:
        code, said = cluster(film, clip, pool=ThreadPool(1, 1), settings=settings)
        text = "\n".join(said)
        assert code == 1
        assert "is full. Free some room" in text
        assert "1 done, 1 failed" in text
        assert facts(out / "clip-depth.mp4").frames == RATE
        assert not [path for path in out.rglob("*") if ".part" in path.name]
