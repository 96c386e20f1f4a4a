"""What is round a scene: walls, the world outside, lamps and the sun, the camera and its lens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import numpy as np

from shared.bundled.render import (
    Builder,
    Camera,
    Lights,
    Panorama,
    Scene,
    Surface,
    holds,
    shell_row,
    surface_row,
)

SHELL_FACES = 6
LEFT, RIGHT, NEAR, FAR = 0, 1, 4, 5  # the walls among them, numbered as in `raycast.hit_shells`


@dataclass
class Room:
    """Width (x), height (y) and depth (z) in metres; x is centred, y and z start at 0."""

    width: float
    height: float
    depth: float

    def wall(self, face: int) -> tuple[float, float, float, float]:
        """(x, z, yaw, length): a wall's middle, and axes in which it lies along x with the room at -z."""
        half, middle = self.width / 2, self.depth / 2
        return {
            LEFT: (-half, middle, -pi / 2, self.depth),
            RIGHT: (half, middle, pi / 2, self.depth),
            NEAR: (0.0, 0.0, pi, self.width),
            FAR: (0.0, self.depth, 0.0, self.width),
        }[face]

    def spot(self, b: Builder, margin: float) -> tuple[float, float]:
        x = b.u(-1, 1) * max(self.width / 2 - margin, 0.05)
        return x, b.u(min(margin, self.depth / 2), max(self.depth - margin, self.depth / 2))


def indoor_lights(b: Builder, room: Room, eye: np.ndarray) -> Lights:
    """A lamp anywhere: overhead, beside, behind the camera, or the sun through an opening."""
    x, z = room.spot(b, 0.3)
    position = np.array([x, b.u(0.6, 0.97) * room.height, z])
    falloff = b.pick((0.0, 0.0, 0.1, 0.5))
    style = b.rng.random()
    if style < 0.12:
        position, falloff = eye + np.array([b.u(-0.3, 0.3), b.u(-0.1, 0.4), 0.0]), b.pick((0.0, 0.3))
    elif style < 0.3:
        position, falloff = np.array([b.u(-30, 30), b.u(5, 30), b.u(-20, 40)]), 0.0
    strength, ambient = b.u(0.2, 1.5), b.u(0.15, 1.0)
    return Lights(
        position=position,
        colour=tint(b) * strength,
        falloff=falloff,
        radius=b.u(0.0, 0.35) * max(float(np.linalg.norm(position - eye)) / 3, 0.3),
        shadow=b.u(0.3, 1.0) if b.chance(0.85) else 0.0,
        fill_direction=unit(b.rng.normal(size=3)),
        fill_colour=tint(b) * b.u(0.0, 0.6),
        ambient_up=tint(b) * ambient,
        ambient_down=tint(b) * ambient * b.u(0.5, 1.1),
        sky_low=tint(b) * b.u(0.5, 6),
        sky_high=tint(b) * b.u(0.4, 5),
        occlusion=b.u(0.0, 0.6),
    )


def sunshine(b: Builder, room: Room, lights: Lights, lit: np.ndarray) -> Lights:
    """The same with the sun for its lamp: through an opening, if there is one, and near `lit` (x, y, z)."""
    position = np.array([b.u(-25, 25), b.u(6, 25), b.u(-10, 30)])
    if b.holes:
        face, u0, u1, v0, v1 = b.pick(b.holes)
        x, z, _, length = room.wall(int(face))
        along = (u0 + u1) * length / 4
        middle = np.array([x, (v0 + v1 + 2) / 4 * room.height, z])
        middle[0 if face in (FAR, NEAR) else 2] += along
        ray = unit(middle - lit - b.rng.normal(size=3) * 0.3)
        position = lit + 30 * unit(np.array([ray[0], max(ray[1], 0.15), ray[2]]))
    return replace(
        lights,
        position=position,
        colour=np.array([1.0, 0.93, 0.82]) ** b.u(0, 2) * b.u(0.8, 3.5),
        falloff=0.0,
        radius=b.u(0.0, 0.5),
        shadow=b.u(0.8, 1.0),
    )


def outdoor_lights(b: Builder) -> Lights:
    strength = b.u(0.0, 2.5)
    sky = np.array([0.55, 0.75, 1.0]) ** b.u(0, 1.5)
    low = tint(b)
    return Lights(
        position=unit(np.array([b.u(-1, 1), b.u(0.2, 1.2), b.u(-1, 1)])) * 500,
        colour=np.array([1.0, 0.93, 0.82]) ** b.u(0, 2) * strength,
        radius=b.u(0, 12),
        shadow=b.u(0.7, 1.0),
        ambient_up=sky * b.u(0.3, 0.9),
        ambient_down=tint(b) * b.u(0.1, 0.5),
        fog_colour=low,
        fog_per_m=b.u(0, 0.02) if b.chance(0.5) else 0.0,
        sky_low=low * b.u(0.6, 1.3),
        sky_high=sky * b.u(0.3, 1.3),
        occlusion=b.u(0.0, 0.4),
    )


def tint(b: Builder) -> np.ndarray:
    """A light's colour about white."""
    return np.exp(b.rng.normal(size=3) * b.pick((0.03, 0.08, 0.25)))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / (np.linalg.norm(vector) + 1e-9)


def lens(b: Builder, camera: Camera) -> Camera:
    """A random lens: mostly of a phone's or webcam's angle, sometimes wide or narrow."""
    focal = float(np.exp(b.u(-0.45, 0.25))) if b.chance(0.8) else float(np.exp(b.u(-0.8, 0.8)))
    return replace(
        camera,
        focal=focal,
        roll=b.rng.normal() * b.pick((0.02, 0.05, 0.15)),
        distortion=b.u(-0.06, 0.06) if b.chance(0.4) else 0.0,
        blur=b.u(0.004, 0.03) if b.chance(0.2) else 0.0,
        focus=b.u(0.1, 1.5),
    )


def look(b: Builder, eye: np.ndarray, target: np.ndarray, wobble: float = 0.1) -> Camera:
    x, y, z = np.asarray(target) - np.asarray(eye)
    yaw, pitch = np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))
    return lens(b, Camera(eye=eye, yaw=yaw + b.rng.normal() * wobble, pitch=pitch + b.rng.normal() * wobble))


def finish(
    b: Builder,
    room: Room,
    camera: Camera,
    lights: Lights,
    *,
    outdoors: bool = False,
    walls: list[Surface] | None = None,
) -> Scene:
    """Puts the solids into the inner shell (the room, or the open world) and that into the world outside."""
    half = room.width / 2
    inner = shell_row((-half, 0, 0), (half, room.height, room.depth))
    wide = b.u(4, 60)
    outer = shell_row(
        (-half - wide, -b.u(0.0, 6.0), -wide), (half + wide, room.height + b.u(1, 8), room.depth + wide)
    )
    surfaces = (walls or room_surfaces(b)) + outer_surfaces(b)
    open_faces = np.zeros(2 * SHELL_FACES + 1, np.float32)
    open_faces[-1] = 1
    if outdoors:
        open_faces[[0, 1, 3, 4, 5]] = 1
    if outdoors or b.chance(0.5):
        open_faces[[6, 7, 9, 10, 11]] = 1
    holes = np.full((4, 5), -1.0, np.float32)
    for i, hole in enumerate(b.holes[:4]):
        holes[i] = hole
    panorama = photographed_sky(b, outdoors=outdoors) if open_faces[:-1].any() else None
    half_sizes = np.stack([inner[17:20]] * SHELL_FACES + [outer[17:20]] * SHELL_FACES)
    faces = np.stack([surface_row(surface) for surface in surfaces])
    faces[:SHELL_FACES, :13], faces[SHELL_FACES:, :13] = inner[:13], outer[:13]
    faces[:, 17:20] = half_sizes
    return Scene(
        boxes=np.array(b.boxes, np.float32).reshape(-1, 33),
        rounds=np.array(b.rounds, np.float32).reshape(-1, 33),
        shells=np.stack([inner, outer]),
        faces=faces,
        holes=holes,
        open_faces=open_faces,
        sky=faces[0],
        lights=lights if panorama is None else under_sky(b, lights, panorama, outdoors=outdoors),
        camera=camera,
        atlas=b.atlas,
        panorama=panorama,
        meshes=b.meshes,
        placed=[mesh for mesh in b.placed if not holds(mesh, np.asarray(camera.eye))],
    )


def photographed_sky(b: Builder, *, outdoors: bool) -> Panorama | None:
    """One of the atlas's panoramas, at any turn and brightness; None where it has none, and now and then.

    Outdoors, where the picture has its own horizon, only the sky of those that have one.
    """
    skies_rad = b.atlas.skies_rad
    numbers = list(skies_rad) if outdoors else range(len(b.atlas.panoramas))
    if not numbers or b.chance(0.25):
        return None
    number = b.pick(numbers)
    level = float(b.atlas.panoramas[number].astype(np.float32).mean())
    gain = float(np.exp(b.u(-0.7, 1.2))) * 0.5 / max(level, 0.02)
    return Panorama(number, b.u(-pi, pi), gain, skies_rad[number] if outdoors else 0.0)


def under_sky(b: Builder, lights: Lights, panorama: Panorama, *, outdoors: bool) -> Lights:
    """Outdoors, the soft light and the haze have the colours of the sky that is seen."""
    if not outdoors:
        return lights
    sky = b.atlas.panoramas[panorama.number].astype(np.float32)
    row = int(sky.shape[1] * (0.5 - panorama.lift / pi))
    upper, horizon = sky[:, :row].mean((1, 2)), sky[:, row].mean(1)
    return replace(
        lights,
        ambient_up=np.asarray(lights.ambient_up) * upper / max(upper.mean(), 0.02),
        fog_colour=horizon * panorama.gain,
    )


def room_surfaces(b: Builder) -> list[Surface]:
    """Walls, mostly alike and plain, floor and ceiling, in the order of the shell's faces."""
    wall = b.plain(b.pick((None, 0.9, 0.8, 0.95))) if b.chance(0.75) else b.surface(repeat=b.u(0.2, 2))
    other = b.plain() if b.chance(0.3) else wall
    floor = b.surface(
        b.pick(("wood", "tiles", "weave", "speckle", "plain", "clouds", "checks")), repeat=b.u(0.3, 2.0)
    )
    ceiling = b.plain(b.pick((None, 0.9))) if b.chance(0.8) else b.surface("tiles", repeat=0.5)
    if b.chance(0.1):
        ceiling = replace(ceiling, emission=b.u(0.3, 1.5))
    return [wall, other, floor, ceiling, wall, other]


def outer_surfaces(b: Builder) -> list[Surface]:
    if b.chance(0.5):
        glow = b.u(0, 3)
        return [
            replace(
                b.surface(b.pick(("facade", "foliage", "clouds", "tiles")), repeat=b.u(0.05, 0.4)),
                emission=glow,
            )
        ] * 2 + [replace(b.surface(), emission=glow)] * 4
    return room_surfaces(b)
