"""Building a scene: solids with their surfaces become rows of the table that `raycast` reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render.textures import atlas

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
Triple = Sequence[float] | NDArray[np.floating]
Matrix = NDArray[np.float64]
COLUMNS = 33


@dataclass(frozen=True)
class Surface:
    """What a solid looks like: two colours blended by a texture, and its shine. Colours are linear RGB."""

    texture: int
    dark: Triple
    light: Triple
    fit: bool = False  # the texture covers a face once, else it repeats
    repeat: float = 1.0  # times a metre
    offset: float = 0.0
    specular: float = 0.0
    shininess: float = 20.0
    emission: float = 0.0


@dataclass
class Lights:
    """position in metres; colours linear; radius blurs the shadow; falloff 1: inverse square, 0: none."""

    position: Triple = (0.0, 2.4, 2.0)
    colour: Triple = (1.0, 1.0, 1.0)
    falloff: float = 0.0
    radius: float = 0.1
    shadow: float = 1.0  # how much of the key light a shadow takes away
    fill_direction: Triple = (0.0, 0.0, -1.0)
    fill_colour: Triple = (0.2, 0.2, 0.2)
    ambient_up: Triple = (0.3, 0.3, 0.3)
    ambient_down: Triple = (0.2, 0.2, 0.2)
    fog_colour: Triple = (0.7, 0.7, 0.7)
    fog_per_m: float = 0.0
    sky_low: Triple = (0.8, 0.8, 0.9)
    sky_high: Triple = (0.3, 0.5, 0.9)
    occlusion: float = 0.0  # how much corners and gaps are darkened, 0..1


@dataclass
class Camera:
    """eye (3) metres; angles in radians (yaw to the right, pitch up, roll); focal in picture widths."""

    eye: Triple = (0.0, 1.5, 0.0)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    focal: float = 0.9
    distortion: float = 0.0
    blur: float = 0.0  # largest circle of confusion, in picture widths
    focus: float = 0.5  # inverse depth in focus, 1/m

    def axes(self) -> Matrix:
        """(3, 3): columns are the camera's right, down and forward in world axes."""
        turn = rotation_y(self.yaw) @ rotation_x(-self.pitch) @ rotation_z(self.roll)
        return turn @ np.diag([1.0, -1.0, 1.0])


@dataclass
class Scene:
    """Everything that one picture needs, as numpy tables."""

    boxes: NDArray[np.float32]
    rounds: NDArray[np.float32]
    shells: NDArray[np.float32]  # (2, COLUMNS)
    faces: NDArray[np.float32]  # (12, COLUMNS): the shells' surfaces, one a face
    holes: NDArray[np.float32]  # (4, 5)
    open_faces: NDArray[np.float32]  # (13,)
    sky: NDArray[np.float32]  # (COLUMNS,)
    lights: Lights
    camera: Camera


def rotation_y(angle: float) -> Matrix:
    """Turns z towards x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotation_x(angle: float) -> Matrix:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rotation_z(angle: float) -> Matrix:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@dataclass
class Builder:
    """Collects solids. `at` shifts and turns what is built inside it: furniture has its own axes."""

    rng: np.random.Generator
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

    def colour(self, brightness: float | None = None, saturation: float | None = None) -> NDArray[np.float64]:
        """Linear RGB; brightness is spread evenly as the eye sees it, whatever the surface."""
        value = self.rng.random() if brightness is None else brightness
        grey = 0.02 + 0.9 * value**2
        strength = self.rng.random() ** 2 if saturation is None else saturation
        hue = self.rng.random(3)
        hue = hue / hue.mean()
        return (grey * ((1 - strength) + strength * hue)).clip(0.01, 0.98)

    def surface(self, group: str | None = None, **changes: object) -> Surface:
        """A random surface; group names the kind of texture."""
        groups = atlas().groups
        name = group or self.pick(_COMMON)
        dark = self.colour()
        light = self.colour() if self.chance(0.35) else (dark * self.u(0.5, 2.2)).clip(0.01, 0.98)
        if name in _OWN_HUES:
            dark, light = np.zeros(3) + 0.02, np.zeros(3) + self.u(0.5, 0.95)
        shiny = self.chance(0.3)
        made = Surface(
            texture=self.pick(groups[name]),
            dark=dark,
            light=light,
            fit=name in _FITTED,
            repeat=float(np.exp(self.u(-1.2, 1.6))),
            offset=self.rng.random(),
            specular=self.u(0.1, 0.8) if shiny else 0.0,
            shininess=float(np.exp(self.u(1.5, 5))),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

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


def surface_row(surface: Surface) -> NDArray[np.float32]:
    """A row that has a surface and no solid yet."""
    row = np.zeros(COLUMNS, np.float32)
    row[20:24] = surface.texture, surface.fit, surface.repeat, surface.offset
    row[24:27] = surface.dark
    row[27:30] = surface.light
    row[30:33] = surface.specular, surface.shininess, surface.emission
    return row


def shell_row(low: Triple, high: Triple) -> NDArray[np.float32]:
    """An upright room from corner to corner."""
    row = np.zeros(COLUMNS, np.float32)
    half = (np.asarray(high, float) - np.asarray(low, float)) / 2
    row[0:9] = np.diag(1 / half).ravel()
    row[9:12] = (np.asarray(high, float) + np.asarray(low, float)) / 2
    row[16] = 1.0
    row[17:20] = half
    return row


def _frame_along(axis_y: NDArray[np.float64]) -> Matrix:
    helper = np.array([1.0, 0, 0]) if abs(axis_y[0]) < 0.8 else np.array([0, 0, 1.0])
    x = np.cross(axis_y, helper)
    x /= np.linalg.norm(x)
    return np.stack([x, axis_y, np.cross(x, axis_y)], axis=1)


_COMMON = (
    *("plain", "plain", "plain", "plaster", "clouds", "speckle", "wood", "wood"),
    *("marble", "stripes", "checks", "tiles", "weave", "poster"),
)
_OWN_HUES = ("poster", "page", "screen", "spines")
_FITTED = ("poster", "page", "screen", "spines", "panels", "keys")
