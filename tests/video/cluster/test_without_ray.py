"""Without Ray: one sentence that says how to get it, and nobody else misses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"not looked into before the cluster is there")
    code = (
        "import sys; sys.modules['ray'] = None; from video.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.mp4"), "--cluster", "local"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "depth-video: --cluster needs Ray, which is not installed here.",
        'Install it with: pip install "depth-viewer[cluster]"',
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
