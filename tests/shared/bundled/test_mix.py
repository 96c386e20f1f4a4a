"""Mixing weights of several runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from shared.bundled.train.mix import main

A = {"conv.weight": torch.tensor([1.0, -2.0]), "norm.num_batches_tracked": torch.tensor(7)}
B = {"conv.weight": torch.tensor([4.0, 4.0]), "norm.num_batches_tracked": torch.tensor(9)}
TOLD = {"encoder": "e", "steps": "10", "samples": "160"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, entries in (("a", A), ("b", B)):
        halves = {k: entry.half() if entry.is_floating_point() else entry for k, entry in entries.items()}
        save_file(halves, tmp_path / f"{name}.safetensors", metadata=TOLD)
    return tmp_path


def test_each_counts_by_its_parts(folder: Path) -> None:
    out = folder / "out.safetensors"
    argv = [f"{folder / 'a.safetensors'}:1", f"{folder / 'b.safetensors'}:2"]
    assert main(["--out", str(out), *argv]) == 0
    mixed = load_file(out)
    torch.testing.assert_close(mixed["conv.weight"], torch.tensor([3.0, 2.0]).half())
    assert mixed["norm.num_batches_tracked"] == 7
    with safe_open(out, "pt") as file:
        assert file.metadata() == {"encoder": "e", "steps": "20", "samples": "320"}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda path: path.write_bytes(b"nothing"), "cannot be read as weights"),
        (lambda path: path.unlink(), "cannot be read as weights"),
        (lambda path: save_file({"other": torch.ones(1)}, path, metadata=TOLD), "of another network"),
        (lambda path: save_file(A, path), "does not say how it was trained"),
    ],
)
def test_a_file_that_cannot_be_mixed_is_named(
    folder: Path,
    spoilt: Callable[[Path], object],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    second = folder / "b.safetensors"
    spoilt(second)
    out = folder / "out.safetensors"
    assert main(["--out", str(out), f"{folder / 'a.safetensors'}:1", f"{second}:1"]) == 2
    told = capsys.readouterr().err
    assert "b.safetensors" in told
    assert said in told
    assert not out.exists()


@pytest.mark.parametrize(
    "text", ["a.safetensors", "a.safetensors:none", "a.safetensors:0", ":1", "a:nan", "a:inf"]
)
def test_parts_are_numbers(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--out", "out.safetensors", text])
    assert "WEIGHTS:PARTS" in capsys.readouterr().err
