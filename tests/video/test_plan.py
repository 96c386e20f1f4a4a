"""Which files of which folders are converted, and that no two inputs ever share an output."""

from __future__ import annotations

from pathlib import Path

import pytest

from video.plan import BatchOptions, plan


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def planned(folder: Path, *inputs: Path, is_raw: bool = False, **options: object) -> dict[str, str]:
    """{input: output}, both within the folder."""
    jobs = plan(BatchOptions(list(inputs), **options), is_raw=is_raw)  # type: ignore[arg-type]
    return {
        job.source.relative_to(folder).as_posix(): job.output.relative_to(folder).as_posix() for job in jobs
    }


def test_outputs_lie_beside_their_inputs(tmp_path: Path) -> None:
    found = planned(tmp_path, *touch(tmp_path, "a.mp4", "b/a.mp4", "c.jpg"))
    assert found == {"a.mp4": "a-depth.mp4", "b/a.mp4": "b/a-depth.mp4", "c.jpg": "c-depth.png"}


def test_one_name_from_two_folders(tmp_path: Path) -> None:
    inputs = touch(tmp_path, "a.mp4", "b/a.mp4", "c/a.mp4", "c/A.mov", "c/other.mp4")
    outputs = list(planned(tmp_path, *inputs, output_dir=tmp_path / "o").values())
    assert outputs == [
        *("o/a.mp4-depth.mp4", "o/a.mp4-2-depth.mp4", "o/a.mp4-3-depth.mp4"),
        *("o/A.mov-depth.mp4", "o/other-depth.mp4"),
    ]


def test_a_name_that_looks_like_one_told_apart(tmp_path: Path) -> None:
    inputs = touch(tmp_path, "a.mov", "a.mp4", "a.mov.mp4")
    outputs = planned(tmp_path, *inputs)
    assert len(set(outputs.values())) == 3


def test_a_folders_folders_are_kept_in_the_output_folder(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.mp4", "in/monday/a.mp4", "in/tuesday/a.mp4")
    found = planned(tmp_path, tmp_path / "in", output_dir=tmp_path / "o", recursive=True)
    assert found == {
        "in/a.mp4": "o/a-depth.mp4",
        "in/monday/a.mp4": "o/monday/a-depth.mp4",
        "in/tuesday/a.mp4": "o/tuesday/a-depth.mp4",
    }


@pytest.mark.parametrize("is_raw", [False, True])
def test_raw_depth_needs_names_that_differ_without_suffix(tmp_path: Path, is_raw: bool) -> None:
    found = planned(tmp_path, *touch(tmp_path, "a.jpg", "a.mp4"), is_raw=is_raw)
    assert found == (
        {"a.jpg": "a.jpg-depth.png", "a.mp4": "a.mp4-depth.mp4"}
        if is_raw
        else {"a.jpg": "a-depth.png", "a.mp4": "a-depth.mp4"}
    )


def test_what_we_wrote_ourselves_is_no_input(tmp_path: Path) -> None:
    touch(
        tmp_path, "a.mp4", "a-depth.mp4", "a-depth.partial.mp4", "a-depth.mkv", "b-depth.png", ".a.part.mp4"
    )
    touch(tmp_path, "a-depth-png16/000000.png", "sub/c.mp4")
    assert list(planned(tmp_path, tmp_path, recursive=True)) == ["a.mp4", "sub/c.mp4"]
