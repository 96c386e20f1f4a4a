"""Scenes with photographed surfaces, skies and furniture: what is read, and that its depth is exact."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from shared import UserError
from shared.bundled.render.builder import Builder
from shared.bundled.render.meshes import Mesh, MeshLibrary, holds, load_meshes
from shared.bundled.render.renderer import render
from shared.bundled.render.scene import Camera, Lights
from shared.bundled.render.textures import Atlas, photographed_atlas
from shared.bundled.scenes.kinds import random_scene
from shared.bundled.scenes.surroundings import Room, finish
from shared.bundled.train.scores import edge_widths

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE_PX = (97, 73)


@pytest.fixture
def photographs(tmp_path: Path) -> Atlas:
    """Red bricks, blue asphalt, and one panorama of a known name, green above and black below."""
    for kind, colour_bgr in (("Bricks", (0, 0, 255)), ("Asphalt", (255, 0, 0))):
        (tmp_path / "surfaces" / kind).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "surfaces" / kind / "1.webp"), np.full((96, 128, 3), colour_bgr, np.uint8))
    (tmp_path / "skies").mkdir()
    sky_bgr = np.zeros((128, 256, 3), np.uint8)
    sky_bgr[:64, :, 1] = 255
    cv2.imwrite(str(tmp_path / "skies" / "kiara_1_dawn_1k.webp"), sky_bgr)
    return photographed_atlas(tmp_path / "surfaces", tmp_path / "skies")


def cube() -> Mesh:
    """1 m wide, on y = 0; each face has corners of its own."""
    vertices, normals, faces = [], [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            normal = np.zeros(3)
            normal[axis] = side
            first = len(vertices)
            for u, v in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
                corner = np.zeros(3)
                corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = 0.5 * side, u, v
                corner[1] += 0.5
                vertices.append(corner)
                normals.append(normal)
            faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    return Mesh(
        np.array(vertices, np.float32),
        np.array(normals, np.float32),
        np.zeros((len(vertices), 2), np.float32),
        np.array(faces, np.int32),
        np.full(len(faces), -1, np.int32),
    )


def test_surfaces_are_photographs_where_there_are_some(photographs: Atlas) -> None:
    b = Builder(np.random.default_rng(1), photographs)
    bricks = photographs.photographs["Bricks"]
    for _ in range(8):
        surface = b.surface("bricks")
        assert surface.texture in bricks
        assert not np.any(surface.dark)
    texel = photographs.texels_u8[bricks[0] * 128 * 128]
    assert texel[0] > 200
    assert max(texel[1:]) < 20, "red, as RGB"
    plain = Builder(np.random.default_rng(1)).surface("bricks")
    assert plain.texture in photographs.groups["tiles"], "what stands in for bricks"


def test_a_panorama_is_the_sky(photographs: Atlas) -> None:
    for seed in range(20):
        scene = random_scene(seed, "fields", atlas=photographs)
        if scene.panorama is None:
            continue
        image_rgb, inverse_depth = render([scene], *SIZE_PX)
        sky = inverse_depth[0] == 0
        assert sky.any()
        red, green, blue = (image_rgb[0, channel][sky].float().mean() for channel in range(3))
        assert green > 2 * max(red, blue)
        return
    pytest.fail("no scene of twenty had the panorama")


def test_a_mesh_has_exact_depth() -> None:
    pytest.importorskip("embreex")
    b = Builder(
        np.random.default_rng(0), meshes=MeshLibrary({"cube": [cube()]}, np.zeros((1, 1, 3), np.uint8))
    )
    with b.at(0, 1.0, 2.5):
        assert b.mesh("cube", share=1.0, height_m=1.0)
    scene = finish(b, Room(4, 3, 5), Camera(eye=(0, 1.5, 0)), Lights())
    inverse_depth = render([scene], *SIZE_PX)[1][0].numpy()
    box = inverse_depth > 0.4
    assert np.allclose(inverse_depth[box], 1 / 2, rtol=1e-4), "the front is a plane across the axis"
    assert box[36].sum() == pytest.approx(0.45 * 97, abs=1), "1 m at 2 m, at 0.9 widths"
    assert inverse_depth[36, 18] == pytest.approx(1 / 5)


def test_no_mesh_stands_round_the_camera() -> None:
    b = Builder(
        np.random.default_rng(0), meshes=MeshLibrary({"cube": [cube()]}, np.zeros((1, 1, 3), np.uint8))
    )
    with b.at(0, 1.0, 0.3):
        b.mesh("cube", share=1.0, height_m=1.0)
    assert holds(b.placed[0], np.array([0, 1.5, 0]))
    assert not holds(b.placed[0], np.array([0, 1.5, 3]))
    assert not finish(b, Room(4, 3, 5), Camera(eye=(0, 1.5, 0)), Lights()).placed


def test_without_meshes_nothing_is_drawn_by_chance() -> None:
    b, other = (Builder(np.random.default_rng(4)) for _ in range(2))
    assert not b.mesh("chair", share=1.0)
    assert b.rng.random() == other.rng.random()


def test_a_folder_without_meshes_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    pytest.importorskip("trimesh")
    with pytest.raises(UserError, match="There are no meshes"):
        load_meshes(tmp_path)


def test_how_wide_an_edge_is() -> None:
    inverse_depth = np.full((4, 64), 0.5, np.float32)
    inverse_depth[:, 32:] = 1.0
    ramp = np.clip((np.arange(64, dtype=np.float32) - 29.5) / 5, 0, 1)
    soft = np.repeat(ramp[None], 4, 0)
    assert np.allclose(edge_widths(inverse_depth, inverse_depth), 0.8)
    assert np.allclose(edge_widths(soft, inverse_depth), 4.0, atol=0.01)
    assert len(edge_widths(soft, inverse_depth)) == 4
    assert edge_widths(1 - soft, inverse_depth) == [], "a step the other way is missed, not soft"
    assert edge_widths(np.zeros_like(soft), inverse_depth) == []
