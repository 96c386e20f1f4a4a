"""Checkpoints are read without torch as torch reads them; what is none is refused, and nothing in it runs."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from shared.network.checkpoint import NotACheckpoint, read_checkpoint
from shared.network.graph import build_graph
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes, expected_entries
from shared.network.model import MidasSmall
from tests.support.golden import load_golden, made_up_state_dict


def entries() -> OrderedDict[str, torch.Tensor]:
    whole = torch.arange(24.0)
    return OrderedDict(
        half=torch.linspace(-3, 3, 7).half(),
        bfloat=torch.linspace(-3, 3, 7).bfloat16(),
        double=torch.linspace(0, 1, 5).double(),
        number=torch.tensor(3),
        rows=whole[4:16].reshape(3, 4),
        columns=whole.reshape(4, 6).T,
        parameter=torch.nn.Parameter(torch.ones(2, 2)),
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_a_torch_file_is_read_as_torch_reads_it(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "mine.pt"
    torch.save(entries(), path, _use_new_zipfile_serialization=not legacy)
    read = read_checkpoint(path)
    assert list(read) == list(entries())
    for name, expected in entries().items():
        assert read[name].shape == expected.shape
        assert np.array_equal(read[name].astype(np.float64), expected.detach().double().numpy()), name


def test_a_safetensors_file_is_read_in_all_its_precisions(tmp_path: Path) -> None:
    contents = {name: entry.detach().contiguous() for name, entry in entries().items()}
    save_file(contents, tmp_path / "mine.safetensors")
    read = read_checkpoint(tmp_path / "mine.safetensors")
    for name, expected in contents.items():
        assert np.array_equal(read[name].astype(np.float64), expected.double().numpy()), name


class Attack:
    """Unpickled, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def saved(content: object, **how: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


def rewritten(change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A torch file whose parts were changed."""
    with zipfile.ZipFile(io.BytesIO(saved(entries()))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def without_a_storage(parts: dict[str, bytes]) -> None:
    del parts[next(name for name in parts if "/data/" in name)]


def with_a_short_storage(parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if "/data/" in name)
    parts[name] = parts[name][:-2]


def with_a_longer_tensor(parts: dict[str, bytes]) -> None:
    """The first tensor, 7 long, claims 107."""
    name = next(name for name in parts if name.endswith("data.pkl"))
    assert b"K\x07\x85" in parts[name]
    parts[name] = parts[name].replace(b"K\x07\x85", b"K\x6b\x85", 1)


def with_a_huge_table(parts: dict[str, bytes]) -> None:
    name = next(name for name in parts if name.endswith("data.pkl"))
    parts[name] += bytes(5 << 20)


ATTACKS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "code": (lambda folder: saved({"a": Attack(folder)}), "mkdir"),
    "code, old format": (
        lambda folder: saved({"a": Attack(folder)}, _use_new_zipfile_serialization=False),
        "mkdir",
    ),
    "code as a bare pickle": (lambda folder: pickle.dumps(Attack(folder), protocol=2), "mkdir"),
    "code by a newer opcode": (lambda folder: pickle.dumps(Attack(folder), protocol=4), "STACK_GLOBAL"),
    "missing storage": (lambda _: rewritten(without_a_storage), "storage 0 is missing"),
    "short storage": (lambda _: rewritten(with_a_short_storage), "not as long as it claims"),
    "lying shape": (lambda _: rewritten(with_a_longer_tensor), "reaches beyond its storage"),
    "compressed": (lambda _: rewritten(lambda parts: None, zipfile.ZIP_DEFLATED), "compressed"),
    "bomb": (
        lambda _: rewritten(lambda parts: parts.update({"x/y": bytes(1 << 26)}), zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "huge table": (lambda _: rewritten(with_a_huge_table), "larger than any table"),
    "truncated": (lambda _: saved(entries())[:-300], "damaged"),
    "truncated, old format": (
        lambda _: saved(entries(), _use_new_zipfile_serialization=False)[:-8],
        "not as long as it claims",
    ),
    "no tensors": (lambda _: saved({"a": 1}), "no table of tensors"),
    "empty": (lambda _: b"", "damaged"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_table_of_tensors_is_refused_and_nothing_runs(tmp_path: Path, attack: str) -> None:
    make, reason = ATTACKS[attack]
    path = tmp_path / "mine.pt"
    path.write_bytes(make(tmp_path / "made by the attack"))
    with pytest.raises(NotACheckpoint, match=reason) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made by the attack").exists()


@pytest.mark.parametrize("sizes", [MIDAS_V21_SMALL, BUNDLED_SMALL], ids=["midas", "bundled"])
def test_the_layout_lists_what_torchs_module_holds(sizes: MidasSizes) -> None:
    module = MidasSmall(sizes)
    assert expected_entries(sizes) == {
        name: tuple(entry.shape) for name, entry in module.state_dict().items()
    }


def test_the_graph_answers_as_the_reference() -> None:
    from shared.network.engine_openvino import OpenVinoEngine

    golden = load_golden()
    engine = OpenVinoEngine(build_graph(made_up_state_dict(golden), MIDAS_V21_SMALL))
    expected = golden["output"]
    output = engine.infer(golden["input"][None])
    assert np.abs(output - expected).max() / np.abs(expected).max() < 5e-4
