"""What a scene is: surfaces, lights, a camera, and the rows of the tables that `raycast` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render.meshes import MeshLibrary, Placed
from shared.bundled.render.textures import Atlas

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
