"""Which calibration a run has: asked for, kept from an earlier run, or made by hand; and keeping it.

It is kept for a camera and a network, since another network's depth has another scale.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path

from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.metres import from_nearness
from live.scene import Scene
from shared import UserError
from shared.cache import cache_folder, read_entry, remove_entry, write_entry
from shared.motion import Affine
from shared.predictor import DepthPredictor

SUFFIX = ".metres"


class Distances:
    """`controls.metres` from the first keyframe on. Belongs to the main thread."""

    def __init__(self, config: LiveConfig, controls: Controls) -> None:
        self._config = config
        self._controls = controls
        self._kept_in: KeptMetres | None = None
        self._kept: Affine | None = None

    def update(self, scene: Scene, predictor: DepthPredictor) -> None:
        """To be called again and again; what is measured by is held on to."""
        if scene.keyframe is None:
            return
        if self._kept_in is None:
            self._kept_in = KeptMetres(self._config.source, predictor)
            self._kept = self._controls.metres = self._kept_in.load()
            if self._config.metres is not None:
                with suppress(UserError):  # a black first picture has no depth to measure by
                    self._controls.metres = from_nearness(self._config.metres, scene.keyframe)
        if self._controls.metres is not self._kept:
            self._kept = self._controls.metres
            self._kept_in.keep(self._kept)
        scene.hold_scale(self._kept is not None or self._controls.measuring is not None)


class KeptMetres:
    """One camera's calibration in the cache; nothing is kept of a file.

    The cache does not hold the camera's address, in which a password may stand, but a digest of the rest.
    """

    def __init__(self, source: SourceSpec, predictor: DepthPredictor) -> None:
        weights = predictor.weights
        network = f"{weights.sha256 if weights else ''} {predictor.size}"
        address = re.sub(r"//[^/]*@", "//", str(source.target))
        self._key = f"metres 1 {hashlib.sha256(address.encode()).hexdigest()} {network}"
        name = hashlib.sha256(self._key.encode()).hexdigest()[:16]
        self._path: Path | None = None
        if source.kind != "file":
            self._path = cache_folder() / "metres" / f"{name}{SUFFIX}"

    def load(self) -> Affine | None:
        entry = None if self._path is None else read_entry(self._path, self._key)
        return None if entry is None else Affine(*json.loads(entry.tobytes()))

    def keep(self, metres: Affine | None) -> None:
        """None: what is kept is forgotten."""
        if self._path is None:
            return
        if metres is None:
            remove_entry(self._path)
        else:
            payload = json.dumps(metres).encode()
            write_entry(self._path, self._key, payload, cost="the calibration of distances is not kept")
