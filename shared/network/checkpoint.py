"""Tensors out of checkpoints into numpy, without torch and without running anything.

A `.pt` file is a zip (torch since 1.6) or a row of pickles (before); a pickle in it names tensors and the
storages they view. Here a small interpreter reads it: it knows the opcodes that torch writes for a table of
tensors and the few names in one; everything else is refused. What is read is bounded by the size of the file.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Entries = dict[str, NDArray[Any]]

STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
SAFETENSORS = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "BF16": "bf16", "I64": "<i8", "I32": "<i4"}
MOST_PICKLE_BYTES = 4 << 20  # the official checkpoint's has 60 kB
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class NotACheckpoint(Exception):
    """The file cannot be read, for the reason that the text gives."""


class _Storage(NamedTuple):
    kind: str
    key: str
    length: int


class _View(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_checkpoint(path: Path) -> Entries:
    """`.pt`, `.pth` or `.safetensors` -> name and array; bfloat16 comes as float32.

    Raises NotACheckpoint for whatever is no table of tensors, OSError where the file cannot be read.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return _read_safetensors(path)
        return _read_torch_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
    except (NotACheckpoint, OSError):
        raise
    except Exception as error:  # whatever a reader says of a file that is none of its own
        raise NotACheckpoint("it is damaged, or something else under that name") from error


def _read_safetensors(path: Path) -> Entries:
    from safetensors import deserialize

    return {
        name: _numbers(SAFETENSORS[tensor["dtype"]], tensor["data"]).reshape(tensor["shape"])
        for name, tensor in deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    }


def _read_torch_zip(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        (table_name,) = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
        folder = table_name.removesuffix("data.pkl")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise NotACheckpoint("its parts are compressed, which torch never does")
        if sum(member.file_size for member in members.values()) > path.stat().st_size:
            raise NotACheckpoint("it claims to hold more than the file does")
        if archive.NameToInfo.get(f"{folder}byteorder") and archive.read(f"{folder}byteorder") != b"little":
            raise NotACheckpoint("its numbers are big-endian")
        if members[table_name].file_size > MOST_PICKLE_BYTES:
            raise NotACheckpoint("its table is larger than any table of tensors")
        views = _views(_unpickle(io.BytesIO(archive.read(table_name))))
        return _tensors(views, lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _read_legacy(path: Path) -> Entries:
    """Magic number, version, system, the table, the keys of the storages, and these in that order."""
    file = io.BytesIO(path.read_bytes())
    if _unpickle(file) != LEGACY_MAGIC:
        raise NotACheckpoint("it is damaged, or something else under that name")
    _unpickle(file), _unpickle(file)
    views = _views(_unpickle(file))
    storages = {view.storage.key: view.storage for view in views.values()}
    contents = {}
    for key in _unpickle(file):
        length = int.from_bytes(file.read(8), "little")
        if key not in storages or length != storages[key].length:
            raise NotACheckpoint(f"its storage {key} is not as long as it claims")
        contents[key] = file.read(length * _item_bytes(storages[key].kind))
    return _tensors(views, lambda storage: contents[storage.key])


def _views(table: object) -> dict[str, _View]:
    if isinstance(table, dict) and "optimizer" in table:
        table = table.get("model")  # a training's checkpoint, as the reference reads it
    if not isinstance(table, dict) or not table:
        raise NotACheckpoint("it holds no table of tensors")
    if not all(isinstance(name, str) and isinstance(value, _View) for name, value in table.items()):
        raise NotACheckpoint("it holds no table of tensors")
    return table


def _tensors(views: dict[str, _View], read: Callable[[_Storage], bytes]) -> Entries:
    storages: dict[_Storage, NDArray[Any]] = {}
    entries = {}
    for name, view in views.items():
        if view.storage not in storages:
            storages[view.storage] = _storage(view.storage, read)
        entries[name] = _viewed(storages[view.storage], view, name)
    return entries


def _storage(storage: _Storage, read: Callable[[_Storage], bytes]) -> NDArray[Any]:
    try:
        content = read(storage)
    except KeyError as error:
        raise NotACheckpoint(f"its storage {storage.key} is missing") from error
    if len(content) != storage.length * _item_bytes(storage.kind):
        raise NotACheckpoint(f"its storage {storage.key} is not as long as it claims")
    return _numbers(storage.kind, content)


def _viewed(numbers: NDArray[Any], view: _View, name: str) -> NDArray[Any]:
    """The part of the storage that the tensor is; one that reaches beyond it, or repeats it, is refused."""
    sound = len(view.shape) == len(view.strides) and min((*view.shape, *view.strides, view.offset, 0)) == 0
    reach = sum((length - 1) * stride for length, stride in zip(view.shape, view.strides, strict=False))
    size = math.prod(view.shape)
    if not sound or size == 0 or size > len(numbers) or view.offset + reach >= len(numbers):
        raise NotACheckpoint(f"{name} reaches beyond its storage")
    strides = [stride * numbers.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(numbers[view.offset :], view.shape, strides, writeable=False)


def _item_bytes(kind: str) -> int:
    return 2 if kind == "bf16" else np.dtype(kind).itemsize


def _numbers(kind: str, content: bytes) -> NDArray[Any]:
    if kind == "bf16":  # the upper half of a float32
        return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(content, kind)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: Any, *_: object
) -> _View:
    if not isinstance(storage, _Storage):
        raise NotACheckpoint("it holds no table of tensors")
    return _View(storage, offset, tuple(map(int, shape)), tuple(map(int, strides)))


KNOWN_NAMES: dict[str, Any] = {
    "collections OrderedDict": dict,
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils _rebuild_parameter": lambda view, *_: view,
    **{f"torch {name}": kind for name, kind in STORAGES.items()},
}


def _unpickle(file: Any) -> Any:  # noqa: PLR0912, PLR0915
    """One pickle of plain values, tensors and tables of them. Raises NotACheckpoint for other names."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def marked() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode.name])
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[opcode.name]())
            case "TUPLE":
                stack.append(tuple(marked()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "APPEND":
                item = stack.pop()
                stack[-1].append(item)
            case "APPENDS":
                items = marked()
                stack[-1].extend(items)
            case "SETITEM":
                value, name = stack.pop(), stack.pop()
                stack[-1][name] = value
            case "SETITEMS":
                items = marked()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "GLOBAL":
                if argument not in KNOWN_NAMES:
                    raise NotACheckpoint(f"it names {argument.replace(' ', '.')[:80]!r}, which is no tensor")
                stack.append(KNOWN_NAMES[argument])
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(function(*arguments))
            case "BUILD":
                stack.pop()  # a state dict's remarks on versions
            case "BINPERSID":
                _, kind, key, _, length, *_ = stack.pop()
                stack.append(_Storage(kind, key, length))
            case _:
                raise NotACheckpoint(f"its pickle uses {opcode.name}, which no table of tensors needs")
    raise NotACheckpoint("it ends too soon")
