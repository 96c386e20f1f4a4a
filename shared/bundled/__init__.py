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


PROOF_WIDTH_PX, PROOF_HEIGHT_PX = 320, 240
PROOF_COLUMNS = 3


def proof_sheet_path() -> Path:
    """A sheet of rendered pictures in PROOF_COLUMNS columns, each PROOF_WIDTH_PX by PROOF_HEIGHT_PX."""
    path = Path(str(resources.files("shared.bundled"))) / "proof.jpg"
    if not path.is_file():
        raise UserError(
            "The pictures of the proof are missing from this installation.", "Install the package again."
        )
    return path
