"""A photo as a GLB: a reader library opens it, with the photo as texture and no skin between near and far."""

from __future__ import annotations

import io
import json
import struct

import cv2
import numpy as np
import pytest

from shared.model import FARTHEST, NEAREST, model_glb

PHOTO_BGR = np.full((90, 160, 3), (200, 60, 30), np.uint8)
JPEG = cv2.imencode(".jpg", PHOTO_BGR)[1].tobytes()


def depth_map() -> np.ndarray:
    """A box, near, before a wall, far."""
    depth = np.zeros((36, 64), np.float32)
    depth[10:26, 24:40] = 10.0
    return depth


def glb(depth: np.ndarray | None = None) -> bytes:
    return model_glb(JPEG, 160 / 90, depth_map() if depth is None else depth, (0.0, 10.0))


def test_its_container_is_as_the_standard_says() -> None:
    content = glb()
    assert struct.unpack("<4sII", content[:12]) == (b"glTF", 2, len(content))
    length, kind = struct.unpack("<I4s", content[12:20])
    assert (length % 4, kind) == (0, b"JSON")
    document = json.loads(content[20 : 20 + length])
    body_length, body_kind = struct.unpack("<I4s", content[20 + length : 28 + length])
    assert (body_length, body_kind) == (document["buffers"][0]["byteLength"], b"BIN\0")
    assert 28 + length + body_length == len(content)


def test_a_reader_library_opens_it_with_the_photo() -> None:
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.load(io.BytesIO(glb()), file_type="glb", force="mesh")
    assert len(mesh.vertices) == 72 * 128
    low, high = mesh.bounds
    assert (low[2], high[2]) == pytest.approx((-FARTHEST, -NEAREST))
    texture = mesh.visual.material.baseColorTexture
    assert texture.size == (160, 90)
    assert np.abs(np.asarray(texture.convert("RGB"))[45, 80].astype(int) - (30, 60, 200)).max() < 8
    assert mesh.visual.uv.shape == (72 * 128, 2)


def test_it_is_cut_where_depth_steps() -> None:
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.load(io.BytesIO(glb()), file_type="glb", force="mesh", process=False)
    corners = mesh.vertices[mesh.faces][:, :, 2]
    assert np.ptp(corners, axis=1).max() < 1e-3
    whole = 2 * 71 * 127
    assert 0.9 * whole < len(mesh.faces) < whole


def test_seen_from_the_camera_it_is_the_photo() -> None:
    """Every vertex lies on the ray of its pixel: projected, the vertices make the even grid again."""
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.load(io.BytesIO(glb()), file_type="glb", force="mesh", process=False)
    seen = (mesh.vertices[:, :2] / -mesh.vertices[:, 2:]).reshape(72, 128, 2)
    assert np.ptp(seen[:, :, 0], axis=0).max() < 1e-5
    assert np.ptp(seen[:, :, 1], axis=1).max() < 1e-5


def test_a_large_map_is_made_smaller() -> None:
    assert len(glb(np.zeros((600, 1024), np.float32))) < 6_000_000
