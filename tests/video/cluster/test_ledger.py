"""The ledger plans what `video.plan.plan` plans, and knows what became of it, without its being in memory."""

from __future__ import annotations

import os
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import UserError
from video.cluster.ledger import Ledger
from video.plan import BatchOptions, Job, plan
from video.report import exit_code, table
from video.settings import ConvertResult

NAMES = st.sampled_from(
    [
        *("a.mp4", "A.mp4", "a.mov", "a.mov.mp4", "a.jpg", "a.mp4.jpg", "b/a.mp4", "B/a.mp4", "b/c/a.mkv"),
        *("b-/a.mp4", "b/a-depth.mp4", ".hidden.mp4", "notes.txt", "ä.mp4", "z.png", "b/Ä.MP4", "a b.mp4"),
    ]
)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * len(name))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(NAMES), st.booleans(), st.booleans(), st.booleans())
def test_it_plans_what_a_batch_plans(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], is_raw: bool, recursive: bool, twice: bool
) -> None:
    folder = tmp_path_factory.mktemp("in")
    touch(folder, "first.mp4", *names)
    inputs = [folder, folder / "first.mp4", folder / "no such.mp4", *([folder / "b"] if twice else [])]
    inputs = [it for it in inputs if it.suffix or not it.exists() or any(it.glob("*.*"))]
    options = BatchOptions(inputs, output_dir=folder / "o", recursive=recursive)
    try:
        expected = plan(options, is_raw=is_raw)
    except UserError:
        with pytest.raises(UserError, match="holds no video"):
            Ledger(options, is_raw=is_raw)
        return
    ledger = Ledger(options, is_raw=is_raw)
    assert [(job.source, job.output) for job in ledger] == [(job.source, job.output) for job in expected]
    assert len(ledger) == len(expected)
    assert ledger.photos == sum(job.is_photo for job in expected)
    sizes = [job.source.stat().st_size for job in expected if job.source.exists() and not job.is_photo]
    assert ledger.video_bytes == sum(sizes)


def test_the_longest_come_first_and_what_became_of_them_is_known(tmp_path: Path) -> None:
    touch(tmp_path, "1.mp4", "333.mp4", "22.mp4", "4444.mp4")
    ledger = Ledger(BatchOptions([tmp_path]), is_raw=False)
    jobs = [job for job, _ in ledger.longest_first()]
    assert [job.source.stem for job in jobs] == ["4444", "333", "22", "1"]
    jobs[0].outcome, jobs[0].result = "done", ConvertResult(jobs[0].output, 70)
    kept = tmp_path / "kept"
    jobs[1].outcome, jobs[1].result = "stopped", ConvertResult(kept, 7, is_partial=True)
    jobs[2].outcome, jobs[2].error = "failed", UserError("It is bad.", "Make it good.", exit_code=1)
    for job in jobs[:3]:
        ledger.enter(job)
    assert [job.source.stem for job, _ in ledger.longest_first()] == ["1"]
    lines = list(table(ledger))
    assert lines == [
        "",
        "1.mp4     waiting",
        "22.mp4    failed",
        "    It is bad. Make it good.",
        "333.mp4   stopped   7 frames",
        f"    kept as {kept}; --resume goes on from there",
        "4444.mp4  done      70 frames",
        "1 done, 1 failed, 1 stopped, 1 waiting",
    ]
    assert exit_code(ledger) == 130


def test_of_very_many_only_those_that_are_not_done_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video.report.MOST_LISTED", 2)
    jobs = [Job(Path(f"{number}.mp4"), Path("o"), "done") for number in range(3)]
    jobs[1].outcome, jobs[1].error = "failed", UserError("It is bad.", "Make it good.")
    assert list(table(jobs)) == ["", "1.mp4  failed", "    It is bad. Make it good.", "2 done, 1 failed"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text on other systems")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4"))
    path.touch()
    ledger = Ledger(BatchOptions([tmp_path]), is_raw=False)
    assert [job.source for job in ledger] == [path]


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """Between 500 and 3000 more of them, less than a file's own path would take each."""
    touch(tmp_path / "few", *(f"{number}.mp4" for number in range(500)))
    touch(tmp_path / "many", *(f"{number}.mp4" for number in range(3000)))
    peaks = []
    for name in ("few", "few", "many"):
        tracemalloc.start()
        ledger = Ledger(BatchOptions([tmp_path / name]), is_raw=False)
        for job, _ in ledger.longest_first():
            ledger.enter(job)
        for _ in table(ledger):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        ledger.close()
    assert peaks[2] - peaks[1] < 2500 * 40
