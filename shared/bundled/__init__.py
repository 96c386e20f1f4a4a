"""The embedded default: scenes rendered by this project, the training, the weights and their model card."""

from importlib import resources
from pathlib import Path

from shared import UserError


def bundled_weights_path() -> Path:
    """The bundled model's file (float16 safetensors)."""
    path = Path(str(resources.files("shared.bundled"))) / "midas_bundled.safetensors"
    if not path.is_file():
        raise UserError("The bundled model is missing from this installation.", "Install the package again.")
    return path
