"""What `--version` tells: the program, the weights and the engine that a command would use.

Loads and downloads nothing.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from shared.network import OFFICIAL_LABEL, official_file, requested
from shared.options import version


def version_text(weights: str | None = None) -> str:
    """weights: what --weights says. Three lines: program, weights, engines with their versions."""
    return "\n".join(
        (
            f"depth-viewer {version()}",
            f"weights: {_weights(requested(weights))}",
            f"engines: OpenVINO {_version('openvino')}, torch {_version('torch')}",
        )
    )


def _weights(spec: str) -> str:
    if spec == "bundled":
        return "bundled demo model"
    if spec not in ("auto", "official"):
        return str(Path(spec))
    if (path := official_file()) is not None:
        return f"{OFFICIAL_LABEL}, {path}"
    fallback = ", or the bundled demo model where that fails" if spec == "auto" else ""
    return f"{OFFICIAL_LABEL}, to be downloaded{fallback}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
