"""Building a scene: solids with their surfaces become rows of the table that `raycast` reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render.materials import COMMON, FITTED, OWN_HUES, PHOTO_SHARE, PHOTOGRAPHED, STAND_INS
from shared.bundled.render.meshes import MeshLibrary, Placed
from shared.bundled.render.scene import (
    Matrix,
    Surface,
    Triple,
    rotation_x,
    rotation_y,
    rotation_z,
    surface_row,
)
from shared.bundled.render.textures import Atlas, atlas

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@dataclass
class Builder:
    """Collects solids. `at` shifts and turns what is built inside it: furniture has its own axes."""

    rng: np.random.Generator
    atlas: Atlas = field(default_factory=atlas)
    meshes: MeshLibrary | None = None
    placed: list[Placed] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    rounds: list[NDArray[np.float32]] = field(default_factory=list)
    holes: list[tuple[float, ...]] = field(default_factory=list)
    turn: Matrix = field(default_factory=lambda: np.eye(3))
    shift: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    # --- chance ---
    def u(self, low: float, high: float) -> float:
        return low + (high - low) * self.rng.random()

    def n(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.rng.random() * len(items))]

    @contextmanager
    def repeated(self, seed: int) -> Iterator[None]:
        """Chance of this seed alone: what is built inside is the same each time."""
        before, self.rng = self.rng, np.random.default_rng(seed)
        yield
        self.rng = before

    def colour(self, brightness: float | None = None, saturation: float | None = None) -> NDArray[np.float64]:
        """Linear RGB; brightness is spread evenly as the eye sees it, whatever the surface."""
        value = self.rng.random() if brightness is None else brightness
        grey = 0.02 + 0.9 * value**2
        strength = self.rng.random() ** 2 if saturation is None else saturation
        hue = self.rng.random(3)
        hue = hue / hue.mean()
        return (grey * ((1 - strength) + strength * hue)).clip(0.01, 0.98)

    def surface(self, group: str | None = None, **changes: object) -> Surface:
        """A random surface; group names the kind of texture: a group of the atlas, or a key of STAND_INS.

        Where the atlas has photographs of such surfaces, most are one.
        """
        name = group or self.pick(COMMON)
        kinds = [kind for kind in PHOTOGRAPHED.get(name, ()) if kind in self.atlas.photographs]
        if kinds and self.chance(1.0 if name in STAND_INS else PHOTO_SHARE):
            return replace(self._photographed(self.pick(kinds)), **changes)  # type: ignore[arg-type]
        name = STAND_INS.get(name, name)
        dark = self.colour()
        light = self.colour() if self.chance(0.35) else (dark * self.u(0.5, 2.2)).clip(0.01, 0.98)
        if name in OWN_HUES:
            dark, light = np.zeros(3) + 0.02, np.zeros(3) + self.u(0.5, 0.95)
        shiny = self.chance(0.3)
        made = Surface(
            texture=self.pick(self.atlas.groups[name]),
            dark=dark,
            light=light,
            fit=name in FITTED,
            repeat=float(np.exp(self.u(-1.2, 1.6))),
            offset=self.rng.random(),
            specular=self.u(0.1, 0.8) if shiny else 0.0,
            shininess=float(np.exp(self.u(1.5, 5))),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def _photographed(self, kind: str) -> Surface:
        """Its own colours, tinted and lightened at random, so that no colour tells a distance."""
        numbers = self.atlas.photographs[kind]
        texture = self.pick(numbers)
        wanted = 0.02 + 0.9 * self.rng.random() ** 2
        gain = np.clip(np.sqrt(wanted / max(float(self.atlas.mean_levels[texture]), 0.02)), 0.5, 2.5)
        tint = np.exp(self.rng.normal(size=3) * self.pick((0.05, 0.1, 0.3)))
        shiny = self.chance(0.3)
        return Surface(
            texture=texture,
            dark=np.zeros(3),
            light=gain * tint,
            repeat=float(np.exp(self.u(-1.2, 1.4))),
            offset=self.rng.random(),
            specular=self.u(0.1, 0.8) if shiny else 0.0,
            shininess=float(np.exp(self.u(1.5, 5))),
        )

    def plain(self, brightness: float | None = None) -> Surface:
        """Painted, plastic or metal: hardly any texture."""
        colour = self.colour(brightness)
        return self.surface(
            self.pick(("plain", "plain", "plaster")), dark=colour * 0.85, light=(colour * 1.1).clip(0, 0.98)
        )

    # --- solids ---
    @contextmanager
    def at(
        self, x: float, y: float, z: float, yaw: float = 0.0, *, pitch: float = 0.0, roll: float = 0.0
    ) -> Iterator[None]:
        before = self.turn, self.shift
        self.shift = self.shift + self.turn @ np.array([x, y, z])
        self.turn = self.turn @ rotation_y(yaw)
        if pitch or roll:
            self.turn = self.turn @ rotation_x(pitch) @ rotation_z(roll)
        yield
        self.turn, self.shift = before

    def box(self, centre: Triple, size: Triple, surface: Surface, turn: Matrix | None = None) -> None:
        """size: full lengths along x, y, z in metres."""
        self.boxes.append(self._row(centre, size, surface, turn))

    def ellipsoid(self, centre: Triple, size: Triple, surface: Surface, turn: Matrix | None = None) -> None:
        self._round(centre, size, surface, turn, (1.0, 0.0, -1.0))

    def cylinder(
        self, centre: Triple, size: Triple, surface: Surface, turn: Matrix | None = None, top: float = 1.0
    ) -> None:
        """Along y. top: radius at the top as a share of the radius at the bottom (0: cone; > 1: cup)."""
        widest = max(top, 1.0)
        slope, middle = (top - 1.0) / (2 * widest), (top + 1.0) / (2 * widest)
        size = (size[0] * widest, size[1], size[2] * widest)
        self._round(centre, size, surface, turn, (-slope * slope, -2 * middle * slope, -middle * middle))

    def limb(
        self,
        start: Triple,
        end: Triple,
        width: float,
        surface: Surface,
        top: float = 1.0,
        *,
        box: bool = False,
    ) -> None:
        """A cylinder or a bar from point to point."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = float(np.linalg.norm(b - a)) + 1e-6
        turn = _frame_along((b - a) / length)
        size = (width, length, width)
        if box:
            self.box((a + b) / 2, size, surface, turn)
        else:
            self.cylinder((a + b) / 2, size, surface, turn, top)

    def mesh(
        self, category: str, share: float = 0.6, *, height_m: float | None = None, most_m: float = 9.0
    ) -> bool:
        """Puts a mesh of the category on the origin, any side to the front; whether it did.

        Without a library it never does, and draws no chance. height_m: made so high, else as it is, about,
        and at most most_m.
        """
        if self.meshes is None or category not in self.meshes.categories or not self.chance(share):
            return False
        mesh = self.pick(self.meshes.categories[category])
        own_m = float(mesh.vertices[:, 1].max())
        scale = min(self.u(0.85, 1.15), most_m / own_m) if height_m is None else height_m / own_m
        turn = self.turn @ rotation_y(self.n(0, 3) * np.pi / 2) * scale
        tint = np.exp(self.rng.normal(size=3) * self.pick((0.05, 0.1, 0.4))) * self.u(0.6, 1.3)
        self.placed.append(Placed(mesh, turn, self.shift.copy(), tint))
        return True

    def hole(self, face: int, u0: float, u1: float, v0: float, v1: float) -> None:
        """An opening in the inner shell's face (see `raycast.hit_shells`); at most four count."""
        self.holes.append((face, u0, u1, v0, v1))

    def _round(
        self, centre: Triple, size: Triple, surface: Surface, turn: Matrix | None, quadric: Triple
    ) -> None:
        row = self._row(centre, size, surface, turn)
        row[12] = 1.0
        row[13:16] = quadric
        self.rounds.append(row)

    def _row(
        self, centre: Triple, size: Triple, surface: Surface, turn: Matrix | None
    ) -> NDArray[np.float32]:
        whole = self.turn if turn is None else self.turn @ turn
        half = np.maximum(np.asarray(size, float) / 2, 1e-4)
        row = surface_row(surface)
        row[0:9] = (whole.T / half[:, None]).ravel()
        row[9:12] = self.turn @ np.asarray(centre, float) + self.shift
        row[17:20] = half
        return row


def _frame_along(axis_y: NDArray[np.float64]) -> Matrix:
    helper = np.array([1.0, 0, 0]) if abs(axis_y[0]) < 0.8 else np.array([0, 0, 1.0])
    x = np.cross(axis_y, helper)
    x /= np.linalg.norm(x)
    return np.stack([x, axis_y, np.cross(x, axis_y)], axis=1)
