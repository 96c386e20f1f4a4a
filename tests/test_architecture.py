"""Holds the house to its plan: who imports whom, what prints, what `--help` costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("shared", "video", "live")
COMMAND_LAYER = {
    "video/__main__.py",
    "live/__main__.py",
    "shared/console.py",
    "shared/proving.py",
    "shared/bundled/train/__main__.py",
    "shared/bundled/train/evaluate.py",
    "shared/bundled/train/render_demo.py",
    "shared/bundled/train/mix.py",
    "shared/bundled/train/render_shards.py",
    "shared/bundled/train/show_tracing.py",
}
DIRECTIONS: dict[str, set[str]] = {
    "shared": set(),
    "shared.media": {"shared"},
    "shared.motion": {"shared"},
    "shared.bundled": {"shared"},
    "shared.bundled.render": {"shared"},
    "shared.bundled.scenes": {"shared", "shared.bundled.render"},
    "shared.network": {"shared", "shared.bundled"},
    "shared.predictor": {"shared", "shared.network"},
    "shared.proving": {"shared", "shared.bundled", "shared.network", "shared.predictor"},
    "shared.about": {"shared", "shared.network"},
    "shared.bundled.train": {
        "shared", "shared.bundled", "shared.bundled.render", "shared.bundled.scenes", "shared.media",
        "shared.network", "shared.predictor",
    },
    "video": {
        "shared", "shared.about", "shared.bundled", "shared.media", "shared.motion", "shared.predictor",
    },
    "video.cluster": {
        "shared", "shared.media", "shared.motion", "shared.network", "video",
    },
    "video.__main__": {"shared", "shared.about", "video", "video.cluster"},
    "live": {"shared", "shared.motion", "shared.predictor"},
    "live.capture": {"live", "shared", "shared.media"},
    "live.window": {"live", "shared", "shared.motion"},
    "live.serve": {"live", "shared", "shared.media"},
    "live.outputs": {"live", "live.serve", "shared", "shared.media"},
    "live.web": {"live", "shared", "shared.media", "shared.motion", "shared.predictor", "video"},
    "live.feed": {"live", "live.capture", "shared", "shared.media", "shared.motion", "shared.predictor"},
    "live.app": {"live", "live.feed", "live.outputs", "live.window", "shared", "shared.predictor"},
    "live.__main__": {
        "live", "live.app", "live.capture", "live.web", "shared", "shared.about", "shared.bundled",
    },
}  # fmt: skip
"""Which room may import which. A room is a folder with a door, its `__init__`, or a module named here."""

PYTHON_API = {"live/__init__.py": {"live.feed"}}
"""What a package offers to programs, imported only when it is called."""

OPEN_ROOMS = {"shared", "live", "video"}
"""Their modules are imported by name: what stands in them is what the rooms around them share."""

SIDE_DOORS = {"shared.network.model", "shared.bundled.demo"}
"""Imported by name: torch's cost must not be the door's, and the demo is no weights."""

COMMANDS = {"live.__main__", "video.__main__"}

HEAVY = {"torch", "torchvision", "timm", "openvino", "gradio", "ray", "cv2"}


def source_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imports, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module


def room_of(module: str) -> str:
    """The room that a module belongs to: the longest name in DIRECTIONS that it begins with."""
    return max((room for room in DIRECTIONS if f"{module}.".startswith(f"{room}.")), key=len, default="")


def module_of(path: Path) -> str:
    return relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_the_directions_make_no_circle() -> None:
    TopologicalSorter(DIRECTIONS).prepare()


@pytest.mark.parametrize("path", source_files(*ROOMS), ids=relative)
def test_imports_point_the_right_way_and_through_the_door(path: Path) -> None:
    mine = room_of(module_of(path))
    for module in imported_modules(ast.parse(path.read_text("utf-8"))):
        theirs = room_of(module)
        if theirs in ("", mine):
            continue
        allowed = DIRECTIONS[mine] | PYTHON_API.get(relative(path), set())
        assert theirs in allowed, f"{mine} may not import {module}"
        is_door = module == theirs or module in SIDE_DOORS or theirs in OPEN_ROOMS
        assert is_door, f"{module} is inside {theirs}; import what its __init__ exports"


@pytest.mark.parametrize("room", sorted(set(DIRECTIONS) - COMMANDS), ids=str)
def test_a_room_says_what_it_is_for(room: str) -> None:
    assert importlib.import_module(room).__doc__


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


SAID_ONCE = {"alpha", "colormap", "view", "crf", "preset"}
"""Of how depth is shown and encoded: their defaults stand in `shared/__init__.py` alone."""


@pytest.mark.parametrize("path", source_files(*ROOMS), ids=relative)
def test_how_depth_is_shown_and_encoded_is_said_once(path: Path) -> None:
    """No other class has these fields and no other function these defaults: they take a Look, an Encoding."""
    if relative(path) == "shared/__init__.py":
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert node.target.id not in SAID_ONCE, f"line {node.lineno}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            positional = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            with_default = {*(it.arg for it in positional), *(it.arg for it, value in keywords if value)}
            assert not with_default & SAID_ONCE, f"line {node.lineno}"


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
