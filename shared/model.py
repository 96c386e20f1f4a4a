"""A photo and its depth as a 3D model to turn: glTF 2.0 in its binary form (GLB), the photo as texture.

Source: Khronos Group, *glTF 2.0 Specification*, sections 3.6 to 3.9 (geometry, materials, textures) and 4
(the GLB container).
"""

from __future__ import annotations

import json
import struct
from math import radians, tan
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, DisplayRange
from shared.relief import stepped
from shared.render import nearness_share

MOST_COLUMNS = 384
VIEW_DEG = 55.0  # across the picture: what a webcam sees
NEAREST, FARTHEST = 1.0, 3.0  # relative depth has no unit: how far what is shown as near and as far is put
STEP = 1.12  # a triangle whose corners' distances differ by more than this factor would join two things
FLOAT, UNSIGNED_INT, ARRAY_BUFFER, ELEMENT_BUFFER = 5126, 5125, 34962, 34963


def model_glb(photo_jpeg: bytes, aspect: float, depth_map: DepthMap, display_range: DisplayRange) -> bytes:
    """photo_jpeg: the texture; aspect: its width / height. The camera is the origin and looks along -z."""
    near = stepped(nearness_share(depth_map, display_range))
    most_px = (MOST_COLUMNS, max(round(near.shape[0] * MOST_COLUMNS / near.shape[1]), 2))
    if near.shape[1] > MOST_COLUMNS:
        near = cv2.resize(near, most_px, interpolation=cv2.INTER_NEAREST)
    distance = 1 / (1 / FARTHEST + near * np.float32(1 / NEAREST - 1 / FARTHEST))
    across, down = (np.linspace(0, 1, count, dtype=np.float32) for count in near.shape[::-1])
    u, v = np.meshgrid(across, down)
    half = tan(radians(VIEW_DEG / 2))
    x, y = (2 * u - 1) * half * distance, (1 - 2 * v) * half / aspect * distance
    positions = np.stack([x, y, -distance], axis=2).reshape(-1, 3).astype("<f4")
    return _glb(
        positions, np.stack([u, v], axis=2).reshape(-1, 2).astype("<f4"), _triangles(distance), photo_jpeg
    )


def _triangles(distance: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(n, 3) indices: two for each square of four pixels, cut open where depth steps."""
    rows, columns = distance.shape
    index = np.arange(rows * columns, dtype="<u4").reshape(rows, columns)
    upper_left, upper_right = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    lower_left, lower_right = index[1:, :-1].ravel(), index[1:, 1:].ravel()
    triangles = np.concatenate(
        [
            np.stack([upper_left, lower_left, upper_right], axis=1),
            np.stack([upper_right, lower_left, lower_right], axis=1),
        ]
    )
    corners = distance.ravel()[triangles]
    return triangles[corners.max(axis=1) < STEP * corners.min(axis=1)]


def _glb(
    positions: NDArray[np.float32], places: NDArray[np.float32], triangles: NDArray[np.uint32], jpeg: bytes
) -> bytes:
    parts = [positions.tobytes(), places.tobytes(), triangles.tobytes(), jpeg]
    offsets = np.cumsum([0, *(len(_padded(part)) for part in parts)])
    views: list[dict[str, Any]] = [
        {"buffer": 0, "byteOffset": int(offset), "byteLength": len(part)}
        for offset, part in zip(offsets, parts, strict=False)
    ]
    for view, target in zip(views, (ARRAY_BUFFER, ARRAY_BUFFER, ELEMENT_BUFFER), strict=False):
        view["target"] = target
    lowest, highest = positions.min(axis=0).tolist(), positions.max(axis=0).tolist()
    count = len(positions)
    document = {
        "asset": {"version": "2.0", "generator": "depth-viewer"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}
        ],
        "materials": [
            {
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0},
                "extensions": {"KHR_materials_unlit": {}},
                "doubleSided": True,
            }
        ],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 3, "mimeType": "image/jpeg"}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": FLOAT,
                "count": count,
                "type": "VEC3",
                "min": lowest,
                "max": highest,
            },
            {"bufferView": 1, "componentType": FLOAT, "count": count, "type": "VEC2"},
            {"bufferView": 2, "componentType": UNSIGNED_INT, "count": triangles.size, "type": "SCALAR"},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": int(offsets[-1])}],
    }
    header = _padded(json.dumps(document, separators=(",", ":")).encode(), b" ")
    body = b"".join(_padded(part) for part in parts)
    total = 12 + 8 + len(header) + 8 + len(body)
    chunks = (
        struct.pack("<I4s", len(header), b"JSON") + header + struct.pack("<I4s", len(body), b"BIN\0") + body
    )
    return struct.pack("<4sII", b"glTF", 2, total) + chunks


def _padded(part: bytes, filler: bytes = b"\0") -> bytes:
    """To a multiple of four bytes, as every chunk and view must be."""
    return part + filler * (-len(part) % 4)
