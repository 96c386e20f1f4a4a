"""The project's own scenes: deterministic, exact in depth, and no colour gives the distance away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from shared.bundled import PROOF_COLUMNS, PROOF_HEIGHT_PX, PROOF_WIDTH_PX, demo, proof_sheet_path
from shared.bundled.render import raycast as rc
from shared.bundled.render import renderer
from shared.bundled.render.builder import Builder
from shared.bundled.render.renderer import render, to_tensors, windows
from shared.bundled.render.scene import Camera, Lights, Scene
from shared.bundled.render.textures import atlas
from shared.bundled.scenes import animals, seats, vehicles
from shared.bundled.scenes.clips import render_clip
from shared.bundled.scenes.houses import house
from shared.bundled.scenes.kinds import GROUPS, KINDS, random_scene
from shared.bundled.scenes.surroundings import FAR, LEFT, NEAR, RIGHT, Room, finish, sunshine
from shared.bundled.train.render_proof import PICTURES, render_picture
from shared.bundled.train.render_shards import render_seeds
from shared.bundled.train.scores import spearman
from shared.media.reader import VideoReader

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE_PX = (96, 72)


def depth_of(scene: Scene, width_px: int = 97, height_px: int = 73) -> np.ndarray:
    _, inverse_depth = render([scene], width_px, height_px)
    return inverse_depth[0].numpy()


def room_with(
    *, camera: Camera | None = None, box_z: float | None = None, ball_z: float | None = None
) -> Scene:
    """A room 4 m wide, 3 m high and 5 m deep; the camera stands at its near wall, in the middle."""
    b = Builder(np.random.default_rng(0))
    if box_z is not None:
        b.box((0, 1.5, box_z + 0.5), (1, 1, 1), b.plain())
    if ball_z is not None:
        b.ellipsoid((0, 1.5, ball_z), (1, 1, 1), b.plain())
    return finish(b, Room(4, 3, 5), camera or Camera(eye=(0, 1.5, 0)), Lights())


def test_the_same_seed_gives_the_same_picture() -> None:
    first, second, other = (render_seeds(seed, 1, *SIZE_PX) for seed in (5, 5, 6))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], other[1])


def test_a_box_before_a_wall_has_exact_depth() -> None:
    inverse_depth = depth_of(room_with(box_z=2.0))
    assert inverse_depth[36, 48] == pytest.approx(1 / 2)
    box = inverse_depth > 0.4
    # The front is a plane across the camera's axis: one depth all over it, not one distance.
    assert np.allclose(inverse_depth[box], 1 / 2, rtol=1e-5)
    # 1 m at 2 m, with a focal length of 0.9 widths: 0.45 widths.
    assert box[36].sum() == pytest.approx(0.45 * 97, abs=1)
    assert inverse_depth[36, 18] == pytest.approx(1 / 5)


def test_a_ball_has_exact_depth() -> None:
    assert depth_of(room_with(ball_z=3.0))[36, 48] == pytest.approx(1 / 2.5, rel=1e-5)


def test_a_tilted_camera_measures_along_its_own_axis() -> None:
    pitch = -0.3
    inverse_depth = depth_of(room_with(camera=Camera(eye=(0, 1.5, 0), pitch=pitch)))
    # The floor is 1.5 m below; a ray with slope v to the axis falls by sin(-pitch) + v * cos(pitch) a metre.
    row = 70
    v = (row + 0.5 - 36.5) / 97 / 0.9
    assert inverse_depth[row, 48] == pytest.approx((np.sin(-pitch) + v * np.cos(pitch)) / 1.5, rel=1e-4)


def test_a_rolled_camera_turns_the_floor() -> None:
    upright = depth_of(room_with())
    rolled = depth_of(room_with(camera=Camera(eye=(0, 1.5, 0), roll=0.3)))
    assert upright[-1, 5] == pytest.approx(upright[-1, -6], rel=1e-4)
    assert abs(rolled[-1, 5] / rolled[-1, -6] - 1) > 0.05


def test_the_sky_is_zero_and_nearer_is_larger() -> None:
    b = Builder(np.random.default_rng(1))
    scene = finish(b, Room(700, 200, 700), Camera(eye=(0, 1.5, 40)), Lights(), outdoors=True)
    inverse_depth = depth_of(scene)
    assert (inverse_depth[:30] == 0).all()
    below = inverse_depth[40:, 48]
    assert (np.diff(below) > 0).all()


def test_a_window_opens_onto_the_world_outside() -> None:
    b = Builder(np.random.default_rng(2))
    b.hole(5, -0.3, 0.3, -0.3, 0.3)
    inverse_depth = depth_of(finish(b, Room(4, 3, 5), Camera(eye=(0, 1.5, 0)), Lights()))
    assert inverse_depth[36, 48] < 1 / 5.5
    assert inverse_depth[36, 20] == pytest.approx(1 / 5)


@pytest.mark.parametrize("seed", [3, 14, 15])
def test_windows_give_the_same_answer_as_trying_every_solid(seed: int) -> None:
    scene = random_scene(seed, "desk")
    scene = replace(scene, camera=replace(scene.camera, distortion=0.05))
    tables = to_tensors([scene])
    _, by_windows = render([scene], *SIZE_PX)
    generator = torch.Generator().manual_seed(0)
    size = (SIZE_PX[1], SIZE_PX[0])
    _, by_all = renderer._passes([scene], tables, size, generator, windowed=False)
    solids = torch.cat([tables["boxes"][0], tables["rounds"][0]])
    assert (windows(solids.numpy(), scene.camera, *size)[:, 2] > 0).any()
    difference = (by_windows.flatten() - by_all.flatten()).abs() / by_all.flatten().clamp_min(1e-3)
    # At an edge, rounding may choose the one or the other solid.
    assert (difference > 1e-3).float().mean() < 2e-3


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_scene_is_a_picture(kind: str) -> None:
    for seed in range(3):
        image_rgb, inverse_depth = render([random_scene(seed, kind)], *SIZE_PX, seed=seed)
        assert image_rgb.shape == (1, 3, 72, 96)
        assert image_rgb.dtype == torch.uint8
        assert torch.isfinite(inverse_depth).all()
        assert (inverse_depth >= 0).all()
        assert inverse_depth.max() <= 1 / rc.NEAR_M
        assert (inverse_depth > 0).float().mean() > 0.1
        assert image_rgb.float().std() > 3


def house_of_any_kind(b: Builder) -> None:
    house(b, b.u(6, 20), b.u(6, 13), b.u(3, 16), near=b.chance(0.5))


OUTDOORS = (*GROUPS["streets"], *GROUPS["nature"])


@pytest.mark.parametrize("kind", [*OUTDOORS, "pets", "face", "hands"])
def test_nobody_stands_in_a_wall(kind: str) -> None:
    for seed in range(12):
        scene = random_scene(seed, kind)
        rows = np.concatenate([scene.boxes, scene.rounds]).astype(float)
        assert len(rows) <= 255, "the batched renderer numbers them with eight bits"
        inward = rows[:, :9].reshape(-1, 3, 3)
        x, y, z = np.einsum("nij,nj->ni", inward, np.asarray(scene.camera.eye) - rows[:, 9:12]).T
        is_round = rows[:, rc.ROUND] > 0.5
        in_cube = (np.abs(x) < 1) & (np.abs(y) < 1) & (np.abs(z) < 1)
        in_round = x**2 + z**2 + rows[:, rc.A] * y**2 + rows[:, rc.B] * y + rows[:, rc.C] < 0
        assert not (in_cube & (in_round | ~is_round)).any()


@pytest.mark.parametrize(
    "kind", [kind for kind in OUTDOORS if kind not in ("from_above", "animals_outdoors")]
)
def test_out_of_doors_there_is_sky_and_there_are_far_things(kind: str) -> None:
    depths = [depth_of(random_scene(seed, kind)) for seed in range(8)]
    sky = np.array([(inverse_depth == 0).mean() for inverse_depth in depths])
    assert 0.01 < np.mean(sky) < 0.6
    far = [((inverse_depth > 0) & (inverse_depth < 1 / 40)).mean() for inverse_depth in depths]
    assert np.mean(far) > 0.01
    assert np.mean([np.median(inverse_depth[-8:]) for inverse_depth in depths]) > 1 / 15, "the ground is near"


@pytest.mark.parametrize("kind", [*animals.BUILDS, "bird"])
def test_every_animal_stands_on_the_ground(kind: str) -> None:
    for seed in range(10):
        b = Builder(np.random.default_rng(seed))
        animals.animal(b, kind)
        rows = np.array(b.boxes + b.rounds)
        half = rows[:, 17:20]
        reach = np.einsum("nij,ni->nj", np.abs(rows[:, :9].reshape(-1, 3, 3) * half[:, :, None]), half)
        assert -0.1 < (rows[:, 10] - reach[:, 1]).min() < 0.02
        assert 0.1 < (rows[:, 10] + reach[:, 1]).max() < 2.8


@pytest.mark.parametrize(
    "make", [vehicles.car, vehicles.van, vehicles.bus, vehicles.bicycle, house_of_any_kind]
)
def test_what_lines_a_street_stands_on_the_ground(make: Callable[[Builder], None]) -> None:
    for seed in range(10):
        b = Builder(np.random.default_rng(seed))
        make(b)
        rows = np.array(b.boxes + b.rounds)
        to_world = np.linalg.inv(rows[:, :9].reshape(-1, 3, 3).astype(float))
        low, high = (rows[:, 10] + sign * np.abs(to_world[:, 1]).sum(1) for sign in (-1, 1))
        feet = low if make is not house_of_any_kind else low[:1]
        assert -0.05 < feet.min() < 0.05
        assert 0.8 < high.max() < 25


def test_a_face_is_near_and_in_the_picture() -> None:
    nearest = [depth_of(random_scene(seed, "face"))[20:54, 24:73].max() for seed in range(12)]
    assert 1 / 1.2 < np.median(nearest) < 1 / 0.25


def test_the_road_is_one_plane_to_the_horizon() -> None:
    rough = []
    for seed in range(12):
        scene = random_scene(seed, "driver_street")
        camera = replace(scene.camera, pitch=0.0, roll=0.0, yaw=0.0, distortion=0.0)
        inverse_depth = depth_of(replace(scene, camera=camera))
        below = inverse_depth[40:, 48]
        plane = (np.arange(40, 73) + 0.5 - 36.5) / 97 / camera.focal / camera.eye[1]
        rough.append(np.mean(np.abs(below / plane - 1) < 0.03))
    assert np.median(rough) > 0.6, "what stands on the road hides some of it"


def test_every_kind_is_in_one_group() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(KINDS)


def test_what_is_repeated_is_the_same_and_chance_goes_on() -> None:
    b, alone = Builder(np.random.default_rng(4)), Builder(np.random.default_rng(4))
    for _ in range(2):
        with b.repeated(7):
            seats.slatted_chair(b)
    half = len(b.boxes) // 2
    np.testing.assert_array_equal(np.array(b.boxes[:half]), np.array(b.boxes[half:]))
    assert b.u(0, 1) == alone.u(0, 1)


@pytest.mark.parametrize(
    "make", [seats.office_chair, seats.slatted_chair, seats.lounge_chair, seats.stool, seats.seat]
)
def test_every_seat_stands_on_the_floor_and_can_be_sat_on(make: Callable[[Builder], None]) -> None:
    for seed in range(10):
        b = Builder(np.random.default_rng(seed))
        make(b)
        rows = np.array(b.boxes + b.rounds)
        half = rows[:, 17:20]
        turn = rows[:, :9].reshape(-1, 3, 3) * half[:, :, None]
        reach = np.einsum("nij,ni->nj", np.abs(turn), half)
        assert -0.05 < (rows[:, 10] - reach[:, 1]).min() < 0.03
        assert 0.35 < (rows[:, 10] + reach[:, 1]).max() < 1.5
        assert np.abs(rows[:, [9, 11]]).max() < 1.0


@pytest.mark.parametrize("face", [LEFT, RIGHT, NEAR, FAR])
def test_the_sun_shines_through_the_opening(face: int) -> None:
    room, lit = Room(4, 3, 5), np.array([0.2, 0.3, 2.0])
    through = 0
    for seed in range(40):
        b = Builder(np.random.default_rng(seed))
        b.hole(face, 0.1, 0.5, -0.2, 0.6)
        ray = np.asarray(sunshine(b, room, Lights(), lit).position) - lit
        across, along = (0, 2) if face in (LEFT, RIGHT) else (2, 0)
        x, z, _, length = room.wall(face)
        place = lit + ray * ((x if across == 0 else z) - lit[across]) / ray[across]
        u = (place[along] - (z if along == 2 else x)) / (length / 2)
        v = place[1] / room.height * 2 - 1
        through += bool(0.0 < u < 0.6 and -0.3 < v < 0.7)
    assert through > 20


def box_in_a_grey_room(*, shininess: float, lamp_radius: float) -> np.ndarray:
    """(144, 192, 3) uint8 RGB: a red box that hovers over the floor, under a lamp."""
    b = Builder(np.random.default_rng(0))
    grey = b.surface("plain", dark=(0.4,) * 3, light=(0.4,) * 3, specular=0.0)
    red = replace(grey, dark=(0.6, 0.02, 0.02), light=(0.6, 0.02, 0.02))
    floor = replace(grey, specular=0.8, shininess=shininess)
    b.box((0, 0.9, 3.2), (1, 0.8, 1), red)
    lights = Lights(position=(0.8, 2.9, 2.0), colour=(0.8,) * 3, radius=lamp_radius)
    scene = finish(
        *(b, Room(4, 3, 5), Camera(eye=(0, 1.5, 0), pitch=-0.35), lights),
        walls=[grey, grey, floor, grey, grey, grey],
    )
    return render([scene], 192, 144)[0][0].permute(1, 2, 0).numpy()


def test_a_polished_floor_mirrors_what_stands_over_it() -> None:
    polished, matt = (box_in_a_grey_room(shininess=shine, lamp_radius=0.0) for shine in (120.0, 5.0))
    redness = [image[..., 0].astype(int) - image[..., 1] for image in (polished, matt)]
    mirrored = (redness[0] > 10) & (redness[1] < 5)
    assert mirrored.sum() > 500
    rows, columns = np.nonzero(mirrored)
    assert (
        rows.min() > np.nonzero(redness[1] > 60)[0].max() + 20
    )  # first the box's dark underside is mirrored
    assert columns.mean() == pytest.approx(95.5, abs=8)


def test_a_lamps_shadow_is_soft_without_specks() -> None:
    hard, soft = (
        box_in_a_grey_room(shininess=5.0, lamp_radius=radius)[84, 20:90, 1].astype(int)
        for radius in (0.0, 0.25)
    )
    half_dark = [((row > 80) & (row < 112)).sum() for row in (hard, soft)]
    assert half_dark[1] >= 1.5 * half_dark[0]
    assert (
        np.diff(soft).max() <= 1
    )  # darker and darker towards the shadow's middle, with no light speck in it


def test_brightness_does_not_predict_depth() -> None:
    correlations = []
    for seed in range(60):
        image_bgr, inverse_depth = (array[0] for array in render_seeds(seed, 1, 48, 36))
        gray = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
        seen = inverse_depth > 0
        correlations.append(spearman(gray[seen].astype(float), inverse_depth[seen].astype(float)))
    assert abs(np.mean(correlations)) < 0.2


def test_textures_have_all_their_levels() -> None:
    textures = atlas()
    assert len(textures.texels_u8) == textures.level_starts[-1] + textures.count * 4 * 4
    assert sum(len(numbers) for numbers in textures.groups.values()) == textures.count


def test_a_clip_does_not_depend_on_its_length() -> None:
    short = list(render_clip(3, 2, *SIZE_PX))
    long = [pair for pair, _ in zip(render_clip(3, 50, *SIZE_PX), range(2), strict=False)]
    for (frame, depth), (frame_again, depth_again) in zip(short, long, strict=True):
        assert np.array_equal(frame, frame_again)
        assert np.array_equal(depth, depth_again)


def test_a_moving_object_leaves_the_room_in_its_place() -> None:
    pairs = list(render_clip(3, 61, *SIZE_PX, kind="moving-object"))
    (_, first), (_, last) = pairs[0], pairs[-1]
    moved = ~np.isclose(first, last, rtol=1e-4)
    assert 0.02 < moved.mean() < 0.5


def test_a_moving_camera_moves_everything() -> None:
    frames = list(render_clip(3, 80, *SIZE_PX))
    assert np.isclose(frames[40][1], frames[-1][1], rtol=1e-3).mean() < 0.2
    frame_bgr, inverse_depth = frames[0]
    assert frame_bgr.shape == (72, 96, 3)
    assert frame_bgr.flags["C_CONTIGUOUS"]
    assert inverse_depth.dtype == np.float32


def test_the_demo_clip_is_what_the_scenes_render(tmp_path: Path) -> None:
    path = demo.demo_clip()
    assert path.stat().st_size <= 1_000_000
    with VideoReader(path) as reader:
        assert reader.info.frame_rate == demo.FRAME_RATE
        frames = list(reader)
    assert len(frames) == demo.FRAMES
    rendered = render_clip(demo.CLIP_SEED, demo.FRAMES, demo.WIDTH_PX, demo.HEIGHT_PX)
    for (frame_bgr, _), (expected_bgr, _) in zip(frames[:2], rendered, strict=False):
        assert frame_bgr.shape == expected_bgr.shape
        assert np.abs(frame_bgr.astype(int) - expected_bgr).mean() < 4, "what H.264 takes away"


def test_the_pages_examples_are_what_the_scenes_render() -> None:
    folder = Path(str(resources.files("live.web")))
    for seed in (1, 2):
        example_bgr = cv2.imread(str(folder / f"example_{seed}.jpg"))
        expected_bgr, _ = next(render_clip(seed, 1, 640, 480))
        assert np.abs(example_bgr.astype(int) - expected_bgr).mean() < 4, "what JPEG takes away"


def test_the_pictures_of_the_proof_are_of_scenes_that_there_are() -> None:
    """Drawn anew, they are what the package carries, but for what JPEG loses."""
    sheet_bgr = cv2.imread(str(proof_sheet_path()))
    for number in (1, 4):
        row, column = divmod(number, PROOF_COLUMNS)
        top, left = row * PROOF_HEIGHT_PX, column * PROOF_WIDTH_PX
        carried_bgr = sheet_bgr[top : top + PROOF_HEIGHT_PX, left : left + PROOF_WIDTH_PX]
        difference = np.abs(carried_bgr.astype(int) - render_picture(*PICTURES[number]))
        assert difference.mean() < 4
