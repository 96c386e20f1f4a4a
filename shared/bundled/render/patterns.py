"""Textures that are drawn: noise, boards, tiles, cloth, print; each at random, see `textures`."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 128
Picture = NDArray[np.floating]


def _stretch(x: Picture) -> Picture:
    low, high = np.percentile(x, (1, 99))
    return ((x - low) / max(high - low, 1e-6)).clip(0, 1).astype(np.float32)


def _noise(
    rng: np.random.Generator, first: int = 2, octaves: int = 5, stretch: tuple[float, float] = (1, 1)
) -> Picture:
    """Fractal value noise that wraps round."""
    total = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    fall = rng.uniform(0.4, 0.8)
    for octave in range(octaves):
        cells = min(first << octave, SIDE_PX)
        rows, columns = max(int(cells * stretch[0]), 1), max(int(cells * stretch[1]), 1)
        grid = np.pad(rng.random((rows, columns), np.float32), 2, mode="wrap")
        scale = (SIDE_PX * (columns + 4) // columns, SIDE_PX * (rows + 4) // rows)
        big = cv2.resize(grid, scale, interpolation=cv2.INTER_CUBIC)
        top, left = (big.shape[0] - SIDE_PX) // 2, (big.shape[1] - SIDE_PX) // 2
        total += fall**octave * big[top : top + SIDE_PX, left : left + SIDE_PX]
    return _stretch(total)


def _coordinates() -> tuple[Picture, Picture]:
    x = np.arange(SIDE_PX, dtype=np.float32) / SIDE_PX
    return np.meshgrid(x, x)


def _plain(rng: np.random.Generator) -> Picture:
    return 0.5 + rng.uniform(0.0, 0.25) * (_noise(rng, 1, 3) - 0.5)


def _plaster(rng: np.random.Generator) -> Picture:
    return 0.5 + rng.uniform(0.05, 0.5) * (_noise(rng, int(rng.integers(2, 30)), 4) - 0.5)


def _clouds(rng: np.random.Generator) -> Picture:
    return _noise(rng, int(rng.integers(2, 6)), 6)


def _speckle(rng: np.random.Generator) -> Picture:
    noise = _noise(rng, int(rng.integers(16, 50)), 3)
    return (noise > rng.uniform(0.3, 0.7)).astype(np.float32) * 0.7 + 0.3 * _noise(rng)


def _wood(rng: np.random.Generator) -> Picture:
    x, _ = _coordinates()
    bend = _noise(rng, 2, 3, (0.5, 1.0))
    rings = np.sin((x * rng.integers(3, 12) + bend * rng.uniform(0.3, 2)) * 2 * np.pi)
    grain = _noise(rng, 4, 4, (0.25, 8.0))
    return _stretch(0.4 * rings + grain * rng.uniform(0.5, 1.5))


def _marble(rng: np.random.Generator) -> Picture:
    x, y = _coordinates()
    return (
        np.sin((x + y + 1.5 * _noise(rng, 2, 6)) * 2 * np.pi * rng.integers(1, 3)) * 0.5 + 0.5
    ) ** rng.uniform(0.3, 3)


def _stripes(rng: np.random.Generator) -> Picture:
    x, y = _coordinates()
    wave = ((x if rng.random() < 0.5 else y) * rng.integers(2, 14)) % 1.0
    return (wave < rng.uniform(0.15, 0.85)).astype(np.float32) * 0.8 + 0.2 * _noise(rng)


def _checks(rng: np.random.Generator) -> Picture:
    x, y = _coordinates()
    n = 2 * rng.integers(1, 7)
    return (((x * n).astype(int) + (y * n).astype(int)) % 2) * 0.75 + 0.25 * _noise(rng)


def _tiles(rng: np.random.Generator) -> Picture:
    """Tiles, bricks or planks: cells of their own shade with joints between them."""
    rows, columns = int(rng.integers(1, 9)), int(rng.integers(1, 7))
    x, y = _coordinates()
    row = (y * rows).astype(int)
    shifted = x + (row % 2) * rng.choice([0.0, 0.5 / columns])
    shade = rng.random((rows, columns)).astype(np.float32)
    cell = shade[row % rows, (shifted * columns).astype(int) % columns]
    joint = rng.uniform(0.01, 0.05)
    edge = ((y * rows) % 1 < joint * rows) | ((shifted * columns) % 1 < joint * columns)
    body = 0.55 + rng.uniform(0.1, 0.5) * (cell - 0.5) + 0.25 * (_noise(rng, 4, 4, (1, 3)) - 0.5)
    return np.where(edge, rng.choice([0.0, 0.1, 1.0]), body)


def _weave(rng: np.random.Generator) -> Picture:
    x, y = _coordinates()
    n = rng.integers(8, 40)
    return (
        0.5 + 0.25 * np.sin(x * n * 2 * np.pi) * np.sin(y * n * 2 * np.pi) + 0.5 * (_noise(rng, 8, 4) - 0.5)
    )


def _foliage(rng: np.random.Generator) -> Picture:
    picture = _noise(rng, 8, 4) * 0.5
    for _ in range(250):
        centre = tuple(int(v) for v in rng.integers(0, SIDE_PX, 2))
        axes = (int(rng.integers(2, 8)), int(rng.integers(1, 4)))
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.random()), -1)
    return picture


def _rectangles(rng: np.random.Generator, count: int, picture: Picture) -> Picture:
    for _ in range(count):
        left, top = (int(v) for v in rng.integers(0, SIDE_PX, 2))
        size = (int(rng.integers(4, 60)), int(rng.integers(2, 40)))
        colour = tuple(float(v) for v in rng.random(3))
        if rng.random() < 0.35:
            cv2.circle(picture, (left, top), size[0] // 2, colour, -1)
        else:
            cv2.rectangle(picture, (left, top), (left + size[0], top + size[1]), colour, -1)
    return picture


def _poster(rng: np.random.Generator) -> Picture:
    picture = np.stack([_noise(rng, 1, 4) for _ in range(3)], axis=2) * rng.uniform(0.3, 1)
    picture = _rectangles(rng, int(rng.integers(3, 25)), np.ascontiguousarray(picture))
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 3)))
    if rng.random() < 0.5:
        cv2.rectangle(
            picture,
            (0, 0),
            (SIDE_PX - 1, SIDE_PX - 1),
            tuple(float(v) for v in rng.random(3)),
            int(rng.integers(4, 24)),
        )
    return picture


def _lines(rng: np.random.Generator, picture: Picture, ink: float) -> Picture:
    """Lines of words, as on a page or a screen."""
    pitch = int(rng.integers(4, 12))
    for top in range(pitch, SIDE_PX - pitch, pitch):
        left = int(rng.integers(4, 16))
        while left < SIDE_PX - 16 and rng.random() < 0.93:
            width = int(rng.integers(2, 14))
            cv2.rectangle(picture, (left, top), (left + width, top + pitch // 2 - 1), (ink,) * 3, -1)
            left += width + 3
    return picture


def _page(rng: np.random.Generator) -> Picture:
    return _lines(
        rng, np.full((SIDE_PX, SIDE_PX, 3), rng.uniform(0.8, 1), np.float32), float(rng.uniform(0, 0.4))
    )


def _screen(rng: np.random.Generator) -> Picture:
    picture = np.full((SIDE_PX, SIDE_PX, 3), rng.random(3) ** 2, np.float32)
    picture = _rectangles(rng, int(rng.integers(1, 6)), picture)
    return _lines(rng, picture, float(rng.random())) if rng.random() < 0.7 else picture


def _spines(rng: np.random.Generator) -> Picture:
    picture = np.zeros((SIDE_PX, SIDE_PX, 3), np.float32)
    left = 0
    while left < SIDE_PX:
        width = int(rng.integers(4, 16))
        top = int(rng.integers(0, 30))
        colour = rng.random(3)
        picture[top:, left : left + width] = colour
        picture[top + 12 : top + 18, left + 1 : left + width - 1] = rng.random(3)
        picture[top:, left : left + 1] = colour * 0.3
        left += width
    return picture


def _facade(rng: np.random.Generator) -> Picture:
    """A wall with rows of windows."""
    rows, columns = int(rng.integers(2, 7)), int(rng.integers(2, 7))
    picture = 0.6 + 0.3 * (_noise(rng, 8, 4) - 0.5)
    pitch_y, pitch_x = SIDE_PX // rows, SIDE_PX // columns
    for row in range(rows):
        for column in range(columns):
            top, left = row * pitch_y + pitch_y // 4, column * pitch_x + pitch_x // 4
            picture[top : top + pitch_y // 2, left : left + pitch_x // 2] = (
                rng.uniform(0, 0.4) if rng.random() < 0.8 else 1.0
            )
    return picture


def _panels(rng: np.random.Generator) -> Picture:
    """A door or a cupboard front: frames with shaded rims and a knob."""
    picture = np.full((SIDE_PX, SIDE_PX), 0.6, np.float32) + 0.2 * (_noise(rng, 4, 4, (0.3, 4)) - 0.5)
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    height, width = SIDE_PX // rows, SIDE_PX // columns
    for top in range(0, SIDE_PX - height + 1, height):
        for left in range(0, SIDE_PX - width + 1, width):
            cv2.rectangle(picture, (left + 1, top + 1), (left + width - 2, top + height - 2), 0.15, 2)
            if rng.random() < 0.6:
                cv2.rectangle(picture, (left + 8, top + 8), (left + width - 9, top + height - 9), 0.85, 1)
            cv2.circle(picture, (left + width - 8, top + height // 2), 2, float(rng.choice([0.0, 1.0])), -1)
    return picture


def _keys(rng: np.random.Generator) -> Picture:
    rows, columns = int(rng.integers(4, 7)), int(rng.integers(10, 16))
    x, y = _coordinates()
    return (((x * columns) % 1 > 0.2) & ((y * rows) % 1 > 0.2)) * 0.8 + 0.1 * _noise(rng)


Maker = Callable[[np.random.Generator], Picture]
MAKERS: dict[str, tuple[Maker, int]] = {
    "plain": (_plain, 8),
    "plaster": (_plaster, 14),
    "clouds": (_clouds, 14),
    "speckle": (_speckle, 12),
    "wood": (_wood, 18),
    "marble": (_marble, 8),
    "stripes": (_stripes, 12),
    "checks": (_checks, 8),
    "tiles": (_tiles, 22),
    "weave": (_weave, 12),
    "foliage": (_foliage, 8),
    "poster": (_poster, 30),
    "page": (_page, 8),
    "screen": (_screen, 10),
    "spines": (_spines, 12),
    "facade": (_facade, 12),
    "panels": (_panels, 12),
    "keys": (_keys, 4),
}
"""What draws each group, and how many of it there are."""
