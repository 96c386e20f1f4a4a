"""The parts of docs/architecture.md that are made from the code: `python -m tests.support.house` renews them.

The rooms come from the folders and docstrings, the directions from the table that the tests hold, the way of
a frame from the signatures of the functions that it passes.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.test_architecture import DIRECTIONS, module_of, room_of, source_files

DOCUMENT = REPOSITORY / "docs" / "architecture.md"

WAY_OF_A_FRAME = (
    "shared/media/reader.py VideoReader.__iter__",
    "shared/motion/track.py Tracker.track",
    "shared/predictor.py DepthPredictor.predict",
    "shared/motion/steady.py Steadier.accept",
    "shared/motion/stream.py DepthStream.finish",
    "shared/render.py render",
    "shared/media/writer.py VideoWriter.write",
)
"""file and function, in the order in which a frame of `depth-video` meets them."""


def rooms() -> str:
    """Each room with its files, a line each."""
    lines: list[str] = []
    for room in DIRECTIONS:
        files = [path for path in source_files(room.split(".")[0]) if room_of(module_of(path)) == room]
        folder = room.replace(".", "/")
        is_folder = (REPOSITORY / folder).is_dir()
        purpose = _first_line(REPOSITORY / folder / "__init__.py") if is_folder else ""
        lines.append(f"\n**`{folder}{'/' if is_folder else '.py'}`** {purpose}\n".replace("** \n", "**\n"))
        lines += [f"- `{path.name}`: {_first_line(path)}" for path in files if path.name != "__init__.py"]
    return "\n".join(lines).strip()


def directions() -> str:
    rows = [
        f"| `{room}` | {', '.join(f'`{name}`' for name in sorted(allowed)) or 'nothing'} |"
        for room, allowed in DIRECTIONS.items()
    ]
    return "\n".join(["| room | may import |", "| --- | --- |", *rows])


def drawing() -> str:
    """A Mermaid flowchart: the functions with what goes in and comes out, as their signatures say."""
    lines = ["```mermaid", "flowchart TD"]
    for number, station in enumerate(WAY_OF_A_FRAME):
        path, name = station.split()
        function = _function(REPOSITORY / path, name)
        takes = ", ".join(
            ast.unparse(argument.annotation)
            for argument in function.args.args
            if argument.annotation is not None
        )
        gives = ast.unparse(function.returns) if function.returns is not None else ""
        text = f"<b>{name}</b><br>{path}<br>{_escaped(takes) or 'nothing'} → {_escaped(gives)}"
        lines.append(f'  s{number}["{text}"]')
    lines += [f"  s{number} --> s{number + 1}" for number in range(len(WAY_OF_A_FRAME) - 1)]
    return "\n".join([*lines, "```"])


def _function(path: Path, name: str) -> ast.FunctionDef:
    body = ast.parse(path.read_text("utf-8")).body
    *outer, last = name.split(".")
    for class_name in outer:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == class_name).body
    return next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == last)


def _escaped(text: str) -> str:
    return (
        text.replace('"', "'")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("[", "&#91;")
        .replace("]", "&#93;")
    )


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]


def renewed(document: str) -> str:
    """The document with every part between its marks made anew."""
    for mark, text in (("rooms", rooms()), ("directions", directions()), ("drawing", drawing())):
        pattern = rf"(<!-- {mark}:start -->\n).*?(<!-- {mark}:end -->)"
        document = re.sub(
            pattern, lambda found, text=text: f"{found[1]}{text}\n{found[2]}", document, flags=re.DOTALL
        )
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")
