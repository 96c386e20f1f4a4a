"""Moving pictures with exact depth: one furnished room, a moving camera or a moving person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import cos, pi, sin
from typing import Literal

import numpy as np

from shared import DepthMap, FrameBGR
from shared.bundled.render import Builder, Camera, Lights, Scene, Surface
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes.layout import hang_pictures
from shared.bundled.scenes.people import person
from shared.bundled.scenes.surroundings import Room, finish

ClipKind = Literal["moving-camera", "moving-object"]
FRAMES_PER_SWEEP = 144
MOST_WORKERS = 8


def render_clip(
    seed: int, frames: int, width_px: int, height_px: int, kind: ClipKind = "moving-camera"
) -> Iterator[tuple[FrameBGR, DepthMap]]:
    """`frames` pictures (H, W, 3) uint8 BGR with inverse depth (H, W) float32 in 1/m, sky 0.

    moving-camera: the camera goes round the room in an arc, to and fro, once in 2 x 144 frames.
    moving-object: the camera stands; a person walks across in front of the furniture. The same seed and
    number of a frame give the same picture, whatever the number of frames.
    """
    import torch

    from shared.bundled.render import render

    scene, walker = clip_scene(seed, with_walker=kind == "moving-object")

    def render_frame(number: int) -> tuple[FrameBGR, DepthMap]:
        sweep = cos(pi * number / FRAMES_PER_SWEEP)
        posed = _moved(scene, walker, -1.3 * sweep) if kind == "moving-object" else _seen_from(scene, sweep)
        image_rgb, inverse_depth = render([posed], width_px, height_px, seed=seed)
        return np.ascontiguousarray(image_rgb[0].numpy()[::-1].transpose(1, 2, 0)), inverse_depth[0].numpy()

    # One frame to a core: torch's own threads gain little on operations as small as these, and on a busy
    # machine they wait for each other ten times as long as they work.
    workers = min(os.cpu_count() or 1, frames, MOST_WORKERS)
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for first in range(0, frames, 2 * workers):
            yield from pool.map(render_frame, range(first, min(first + 2 * workers, frames)))


def clip_scene(seed: int, *, with_walker: bool = False) -> tuple[Scene, tuple[int, int]]:
    """The room, and how many boxes and rounds stand still: those that follow belong to the walker."""
    b = Builder(np.random.default_rng(seed))
    room = Room(5.4, 2.7, 5.6)
    b.hole(5, -0.55, -0.1, -0.2, 0.62)
    _furnish(b, room)
    still = len(b.boxes), len(b.rounds)
    if with_walker:
        with b.at(0, 0, 2.0, pi / 2):
            person(b, busy=False)
    lights = Lights(
        position=(1.6, 2.5, 0.8),
        colour=(0.95, 0.88, 0.78),
        falloff=0.05,
        radius=0.0,
        shadow=0.75,
        fill_direction=(-0.5, 0.3, -0.8),
        fill_colour=(0.22, 0.24, 0.28),
        ambient_up=(0.34, 0.36, 0.4),
        ambient_down=(0.24, 0.22, 0.2),
        sky_low=(1.6, 1.7, 1.9),
        sky_high=(0.7, 1.1, 1.9),
    )
    camera = Camera(eye=(0.0, 1.5, 0.5), pitch=-0.22, focal=0.8)
    return finish(b, room, camera, lights, walls=_walls(b)), still


def _walls(b: Builder) -> list[Surface]:
    wall = b.surface("plaster", dark=(0.5, 0.47, 0.4), light=(0.78, 0.74, 0.66), repeat=0.5, specular=0.0)
    side = replace(wall, dark=b.colour(0.5, 0.5), light=b.colour(0.75, 0.3))
    floor = b.surface("wood", dark=(0.16, 0.08, 0.04), light=(0.5, 0.3, 0.16), repeat=0.5, specular=0.15)
    ceiling = b.surface("plain", dark=(0.7, 0.7, 0.7), light=(0.85, 0.85, 0.85))
    return [side, side, floor, ceiling, wall, wall]


def _furnish(b: Builder, room: Room) -> None:
    half, depth = room.width / 2, room.depth
    with b.at(-half + 0.2, 0, 3.6, -pi / 2):
        things.shelf(b, 1.6, 1.9, 0.32)
    with b.at(half - 0.5, 0, 3.9, pi / 2):
        things.sofa(b, 2.0)
    with b.at(0.75, 0, depth - 0.35, 0):
        things.cabinet(b, 1.5, 0.75, 0.5)
        with b.at(0, 0.78, 0):
            things.clutter(b, 1.3, 0.4, 4)
    with b.at(-0.1, 0, 2.75, 0.25):
        things.table(b, 1.5, 0.85, 0.74)
        with b.at(0, 0.74, 0):
            with b.at(-0.3, 0, 0.1, 0.3):
                things.laptop(b)
            for x, z, high in ((0.3, -0.2, 0.3), (0.45, 0.1, 0.24), (0.55, -0.25, 0.27)):
                with b.at(x, 0, z):
                    things.bottle(b, high)
            with b.at(0.05, 0, -0.28):
                things.cup(b, 0.1)
            with b.at(-0.6, 0, 0.2):
                things.plant(b, 0.4)
    for x, z, yaw in ((-0.75, 2.0, 2.7), (0.95, 3.4, 0.6), (-0.6, 3.6, -0.4)):
        with b.at(x, 0, z, yaw):
            things.chair(b)
    with b.at(half - 0.4, 0, depth - 0.45):
        things.lamp(b, 1.7)
    with b.at(-half + 0.45, 0, depth - 0.5):
        things.plant(b, 1.5)
    with b.at(-0.95, 0, 4.6, 0.3):
        person(b, busy=False)
    b.box((0.1, 0.006, 2.8), (2.6, 0.012, 2.0), b.surface("weave", repeat=0.8))
    hang_pictures(b, room)


def _seen_from(scene: Scene, sweep: float) -> Scene:
    """The camera on an arc about the table; sweep runs from 1 (left) to -1 (right)."""
    angle = 0.62 * sweep
    eye = np.array([-2.6 * sin(angle), 1.5 + 0.12 * sweep, 3.1 - 2.6 * cos(angle)])
    return replace(scene, camera=replace(scene.camera, eye=eye, yaw=angle))


def _moved(scene: Scene, still: tuple[int, int], x: float) -> Scene:
    boxes, rounds = scene.boxes.copy(), scene.rounds.copy()
    boxes[still[0] :, 9] += x
    rounds[still[1] :, 9] += x
    return replace(scene, boxes=boxes, rounds=rounds)
