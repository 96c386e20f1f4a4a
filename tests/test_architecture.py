"""Holds the house to its plan: who imports whom, what prints, what `--help` costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("shared", "video", "live")
COMMAND_LAYER = {
    "video/__main__.py",
    "live/__main__.py",
    "shared/options.py",
    "shared/bundled/evaluate.py",
    "shared/bundled/render_shards.py",
    "shared/bundled/train.py",
}
HEAVY = {"torch", "torchvision", "timm", "openvino", "gradio", "cv2"}


def source_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imports, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            assert node.module is not None
            yield node.module


def allowed_rooms(path: str) -> set[str]:
    room = path.split("/", maxsplit=1)[0]
    if path == "shared/__init__.py":
        return set()
    if path.startswith("live/web"):
        return {"shared", "live", "video"}
    return {"shared", room}


@pytest.mark.parametrize("path", source_files(*ROOMS), ids=relative)
def test_imports_point_the_right_way(path: Path) -> None:
    rooms = {name.split(".")[0] for name in imported_modules(ast.parse(path.read_text("utf-8")))}
    assert rooms.intersection(ROOMS) <= allowed_rooms(relative(path))


@pytest.mark.parametrize("path", source_files(*ROOMS), ids=relative)
def test_only_the_command_layer_prints_or_exits(path: Path) -> None:
    if relative(path) in COMMAND_LAYER:
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "quit"}, f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("sys", "exit"), f"line {node.lineno}"


@pytest.mark.parametrize("path", source_files(*ROOMS), ids=relative)
def test_modules_define_and_do_nothing_else(path: Path) -> None:
    """At module level: imports, definitions, assignments, docstrings, TYPE_CHECKING and main guards."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    definitions = (ast.Import, ast.ImportFrom, *functions, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in ast.parse(path.read_text("utf-8")).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_guard = isinstance(node, ast.If) and any(
            name in ast.unparse(node.test) for name in ("TYPE_CHECKING", "__name__", "sys.platform")
        )
        assert isinstance(node, definitions) or is_docstring or is_guard, f"line {node.lineno}"


@pytest.mark.parametrize("room", ["video", "live"])
@pytest.mark.parametrize(("arguments", "exit_code"), [(["--help"], 0), (["--view", "sideways"], 2)])
def test_help_and_argument_errors_import_nothing_heavy(
    room: str, arguments: list[str], exit_code: int
) -> None:
    code = (
        "import sys\n"
        f"from {room}.__main__ import main\n"
        "try:\n"
        f"    code = main({arguments!r})\n"
        "except SystemExit as stop:\n"
        "    code = stop.code\n"
        "print('\\nLOADED', code or 0, *sorted(name.split('.')[0] for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    _, code_text, *loaded = done.stdout.rsplit("\n", 2)[-2].split()
    assert int(code_text) == exit_code
    assert not HEAVY.intersection(loaded)
    assert "Traceback" not in done.stderr
