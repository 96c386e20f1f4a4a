"""Which weights: a given path, the cache, a download, or the bundled model. Never a silent change.

Importing this module is cheap; only `load_module`, which makes the torch network, imports torch.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared import UserError
from shared.cache import cache_folder
from shared.network.checkpoint import Entries, NotACheckpoint, read_checkpoint
from shared.network.download import DownloadFailed, download, part_of
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes, expected_entries

if TYPE_CHECKING:
    from shared.network.model import MidasSmall

logger = logging.getLogger(__name__)

WEIGHTS_VARIABLE = "DEPTH_WEIGHTS"
URL_VARIABLE = "DEPTH_WEIGHTS_URL"
OFFICIAL_URL = "https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v21_small_256.pt"
OFFICIAL_LABEL = "MiDaS v2.1 small (official)"
OFFICIAL_NAMES = ("midas_v21_small_256.pt", "midas_v21_small-70d6b9c8.pt")
OFFICIAL_SHA256_START = "70d6b9c8"
TORCH_SUFFIXES = (".pt", ".pth", ".safetensors")
OPENVINO_SUFFIXES = (".onnx", ".xml")
SLOW_FAILURE_S = 2.0
SLOW_FAILURE_HOLDS_S = 3600.0


@dataclass(frozen=True)
class ChosenWeights:
    """kind and path of the file, its SHA-256 in hex, what to call it, and why it was chosen."""

    kind: Literal["official", "bundled", "file"]
    path: Path
    sha256: str
    label: str
    why: str

    @property
    def is_bundled(self) -> bool:
        return self.kind == "bundled"

    @property
    def is_openvino_file(self) -> bool:
        return self.path.suffix.lower() in OPENVINO_SUFFIXES


def choose_weights(spec: str | None = None) -> ChosenWeights:
    """spec: 'auto', 'official', 'bundled' or a path; None asks DEPTH_WEIGHTS, else means 'auto'.

    May download. Raises UserError when what was asked for by name cannot be had; only 'auto' turns to the
    bundled model, with a warning.
    """
    spec = requested(spec)
    if spec == "bundled":
        chosen = bundled("asked for")
    elif spec == "official":
        chosen = _official_or_error()
    elif spec == "auto":
        chosen = _official_or_bundled()
    else:
        chosen = _from_path(Path(spec))
    logger.info("weights: %s, %s (%s), SHA-256 %s", chosen.label, chosen.path, chosen.why, chosen.sha256)
    return chosen


def requested(spec: str | None) -> str:
    return spec or os.environ.get(WEIGHTS_VARIABLE) or "auto"


def bundled(why: str) -> ChosenWeights:
    from shared.bundled import bundled_weights_path

    path = bundled_weights_path()
    return ChosenWeights("bundled", path, _sha256(path), "bundled demo model", why)


def official_file() -> Path | None:
    """The official checkpoint in our cache or in torch hub's, where it is in either."""
    ours = download_target()
    hubs = [torch_hub_folder() / name for name in OFFICIAL_NAMES]
    return next((path for path in (ours, *hubs) if path.is_file()), None)


def download_target() -> Path:
    return cache_folder() / "weights" / OFFICIAL_NAMES[0]


def torch_hub_folder() -> Path:
    """Where torch.hub keeps checkpoints, by torch's own rules but without torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def _official() -> ChosenWeights:
    """Found or downloaded. Raises DownloadFailed."""
    if (path := official_file()) is not None:
        return _with_its_hash(path, "found")
    target = download_target()
    download(official_url(), target, verify=_verify_official)
    return _with_its_hash(target, "downloaded")


def _official_or_error() -> ChosenWeights:
    try:
        return _official()
    except DownloadFailed as error:
        raise UserError(f"The official weights cannot be had: {error}.", _how_to_get_them()) from error


def _official_or_bundled() -> ChosenWeights:
    try:
        return _official_unless_out_of_reach()
    except DownloadFailed as error:
        logger.warning(
            "Using the bundled demo model, which sees less than the official one: %s. %s"
            " --weights bundled chooses it without asking.",
            error,
            _how_to_get_them(),
        )
        return bundled(f"the official weights cannot be had: {error}")


def _official_unless_out_of_reach() -> ChosenWeights:
    """As `_official`, but a failure that made the user wait is not tried again for an hour.

    Behind a firewall that drops packets every start would wait for the same timeouts.
    """
    failure = cache_folder() / "weights" / "out-of-reach.txt"
    if official_file() is None and (remembered := _recent_failure(failure)) is not None:
        raise DownloadFailed(remembered)
    started_s = time.monotonic()
    try:
        return _official()
    except DownloadFailed as error:
        has_begun = part_of(download_target()).exists()
        if time.monotonic() - started_s > SLOW_FAILURE_S and not has_begun:
            with suppress(OSError):
                failure.write_text(f"{official_url()}\n{error}", encoding="utf-8")
        raise


def _recent_failure(path: Path) -> str | None:
    """What a slow failure for the same address said less than an hour ago."""
    try:
        url, said = path.read_text(encoding="utf-8").split("\n", 1)
        age_s = time.time() - path.stat().st_mtime
    except (OSError, ValueError):
        return None
    if url != official_url() or not 0 <= age_s < SLOW_FAILURE_HOLDS_S:
        return None
    return f"{said}, {age_s / 60:.0f} minutes ago; --weights official tries again now"


def _with_its_hash(path: Path, why: str) -> ChosenWeights:
    sha256 = _sha256(path)
    if not sha256.startswith(OFFICIAL_SHA256_START):
        logger.warning(
            "%s is not the file that was published: its SHA-256 begins with %s, not with %s.",
            path,
            sha256[: len(OFFICIAL_SHA256_START)],
            OFFICIAL_SHA256_START,
        )
    return ChosenWeights("official", path, sha256, OFFICIAL_LABEL, why)


def _how_to_get_them() -> str:
    return (
        f"For the official weights, try again with a network, or fetch {official_url()} by other means"
        " and give it as --weights FILE."
    )


def official_url() -> str:
    """The published address, or the mirror's that DEPTH_WEIGHTS_URL names."""
    return os.environ.get(URL_VARIABLE) or OFFICIAL_URL


def _verify_official(path: Path) -> None:
    """Raises UserError unless `path` loads as the official network, strictly."""
    _check_strictly(_read_entries(path, "it"), MIDAS_V21_SMALL, "it")


def _from_path(path: Path) -> ChosenWeights:
    suffixes = TORCH_SUFFIXES + OPENVINO_SUFFIXES
    if not path.is_file():
        raise UserError(f"--weights {path}: there is no such file.", "Use auto, official, bundled or a file.")
    if path.suffix.lower() not in suffixes:
        raise UserError(
            f"--weights {path}: {path.suffix or 'a name without suffix'} is no kind of weights.",
            f"Use a file that ends in one of {' '.join(suffixes)}.",
        )
    return ChosenWeights("file", path, _sha256(path), path.name, "asked for")


def load_entries(chosen: ChosenWeights) -> tuple[Entries, MidasSizes]:
    """The file's entries, float32, and the sizes that they fit. Imports neither torch nor timm.

    Raises UserError when the file is damaged or is no network of ours.
    """
    entries = _read_entries(chosen.path, chosen.path.name)
    tables = {"official": [MIDAS_V21_SMALL], "bundled": [BUNDLED_SMALL]}.get(
        chosen.kind, [MIDAS_V21_SMALL, BUNDLED_SMALL]
    )
    sizes = next((table for table in tables if _fits(entries, table)), tables[0])
    _check_strictly(entries, sizes, chosen.path.name)
    return entries, sizes


def load_module(chosen: ChosenWeights) -> MidasSmall:
    """The torch network with these weights, in evaluation mode. Imports torch and timm; raises as above."""
    import torch

    from shared.network.model import MidasSmall

    entries, sizes = load_entries(chosen)
    module = MidasSmall(sizes).eval()
    module.load_state_dict({name: torch.from_numpy(entry.copy()) for name, entry in entries.items()})
    return module


def _read_entries(path: Path, name: str) -> Entries:
    try:
        return read_checkpoint(path)
    except NotACheckpoint as error:
        raise _not_weights(name, "it is an HTML page" if _is_html(path) else str(error)) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the file.") from error


def _is_html(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(256).lstrip().startswith(b"<")


def _fits(entries: Entries, sizes: MidasSizes) -> bool:
    """Whether the four convolutions between encoder and decoder have these sizes."""
    expected = [(features, taps) for features, taps in zip(sizes.features, sizes.taps, strict=True)]
    names = [f"scratch.layer{index}_rn.weight" for index in range(1, 5)]
    return [entries[name].shape[:2] if name in entries else None for name in names] == expected


def _check_strictly(entries: Entries, sizes: MidasSizes, name: str) -> None:
    expected = expected_entries(sizes)
    missing, unknown = expected.keys() - entries.keys(), entries.keys() - expected.keys()
    if missing or unknown:
        raise _not_weights(
            name, f"{len(missing)} of its {len(expected)} entries are missing, {len(unknown)} are unknown"
        )
    wrong = [key for key, shape in expected.items() if entries[key].shape != shape]
    if wrong:
        raise _not_weights(name, f"{wrong[0]} and {len(wrong) - 1} others have another shape")


def _not_weights(name: str, why: str) -> UserError:
    return UserError(
        f"{name} holds no weights of MiDaS v2.1 small ({why}).", "Fetch it again, or use --weights bundled."
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}.", "Check the file and its rights."
        ) from error
