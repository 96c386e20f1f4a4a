"""Building a scene: solids with their surfaces become rows of the table that `raycast` reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render.meshes import MeshLibrary, Placed
from shared.bundled.render.textures import Atlas, atlas

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


@dataclass(frozen=True)
class Panorama:
    """Which of the atlas's panoramas is the sky, turned by yaw (radians), times gain.

    lift: radians above the panorama's horizon that are seen at the horizon: what stands there is left out.
    """

    number: int
    yaw: float
    gain: float
    lift: float = 0.0


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
    atlas: Atlas
    panorama: Panorama | None = None
    meshes: MeshLibrary | None = None
    placed: Sequence[Placed] = ()


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
        name = group or self.pick(_COMMON)
        kinds = [kind for kind in PHOTOGRAPHED.get(name, ()) if kind in self.atlas.photographs]
        if kinds and self.chance(1.0 if name in STAND_INS else PHOTO_SHARE):
            return replace(self._photographed(self.pick(kinds)), **changes)  # type: ignore[arg-type]
        name = STAND_INS.get(name, name)
        dark = self.colour()
        light = self.colour() if self.chance(0.35) else (dark * self.u(0.5, 2.2)).clip(0.01, 0.98)
        if name in _OWN_HUES:
            dark, light = np.zeros(3) + 0.02, np.zeros(3) + self.u(0.5, 0.95)
        shiny = self.chance(0.3)
        made = Surface(
            texture=self.pick(self.atlas.groups[name]),
            dark=dark,
            light=light,
            fit=name in _FITTED,
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


PHOTO_SHARE = 0.7
PHOTOGRAPHED: dict[str, tuple[str, ...]] = {
    "plaster": ("Plaster", "Concrete", "Paint", "Clay", "Concrete"),
    "clouds": ("Ground", "Rust", "Metal", "Foil", "Snow"),
    "speckle": ("Granite", "Terrazzo", "Cork", "Asphalt", "Gravel", "Rubber"),
    "wood": ("Wood", "Planks", "WoodFloor", "Bamboo", "Chipboard"),
    "marble": ("Marble", "Onyx", "Travertine", "Porcelain"),
    "stripes": ("Fabric", "Wallpaper", "WoodSiding", "CorrugatedSteel"),
    "checks": ("Tiles", "Tatami", "Fabric"),
    "tiles": ("Tiles", "PavingStones", "Bricks", "Terrazzo", "OfficeCeiling"),
    "weave": ("Fabric", "Carpet", "Tatami", "Fabric"),
    "foliage": ("Moss", "Grass", "ScatteredLeaves"),
    "asphalt": ("Asphalt", "Road", "Concrete", "Asphalt"),
    "paving": ("PavingStones", "Tiles", "Bricks", "Concrete"),
    "gravel": ("Gravel", "Rocks", "Ground", "WoodChips"),
    "grass": ("Grass", "Moss", "ScatteredLeaves", "Ground"),
    "ground": ("Ground", "Gravel", "ScatteredLeaves", "Grass"),
    "snow": ("Snow",),
    "rock": ("Rock", "Rocks", "Ground"),
    "bark": ("Bark", "Logs"),
    "leaf": ("Moss", "Grass", "ScatteredLeaves"),
    "sand": ("Gravel", "Ground", "Concrete"),
    "render": ("Plaster", "Concrete", "Paint", "Plaster"),
    "timber": ("Planks", "WoodSiding", "Wood", "Planks"),
    "bricks": ("Bricks", "Bricks", "Concrete", "Plaster"),
    "roof": ("RoofingTiles", "ThatchedRoof", "SolarPanel"),
    "metal": ("Metal", "CorrugatedSteel", "DiamondPlate", "Rust"),
    "fabric": ("Fabric", "Carpet"),
    "cardboard": ("Cardboard", "Paper", "Chipboard"),
    "concrete": ("Concrete", "Plaster", "Asphalt"),
}
"""Kinds of photographs for each group of textures."""
STAND_INS = {
    "asphalt": "speckle", "paving": "tiles", "gravel": "speckle", "grass": "foliage", "ground": "clouds",
    "snow": "plaster", "rock": "clouds", "bark": "wood", "leaf": "foliage", "sand": "plaster",
    "render": "plaster", "timber": "wood", "bricks": "tiles", "roof": "tiles", "metal": "clouds",
    "fabric": "weave", "cardboard": "plaster", "concrete": "plaster",
}  # fmt: skip
"""What is drawn where there are no photographs."""
_COMMON = (
    *("plain", "plain", "plain", "plaster", "clouds", "speckle", "wood", "wood"),
    *("marble", "stripes", "checks", "tiles", "weave", "poster"),
)
_OWN_HUES = ("poster", "page", "screen", "spines")
_FITTED = ("poster", "page", "screen", "spines", "panels", "keys")
