"""Panoramas whose depth is traced by hand: the geometry of the parts, and the tracings that there are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared import UserError
from shared.bundled.train import panoramas, tracings
from shared.bundled.train.evaluate import score_traced
from shared.bundled.train.panoramas import panorama_views, views_of
from shared.bundled.train.render_shards import HELD_BACK_SEED
from shared.bundled.train.show_tracing import main
from shared.bundled.train.tracings import (
    HEIGHT_PX,
    UNSURE_PX,
    WIDTH_PX,
    inverse_distance_of,
    rays_through,
    read_tracing,
)

EYE_M = 1.5
WALL_Z_M = 3.0
KINDS = {"upright", "level", "plane", "sky", "unknown"}
TRACED = sorted(tracings.FOLDER.glob("*.json"))


def place(x: float, y: float, z: float) -> list[float]:
    """Where a point (metres; x right, y down from the eye, z ahead) is seen in the panorama."""
    return [
        (np.arctan2(x, z) / (2 * np.pi) + 0.5) * WIDTH_PX,
        (np.arctan2(y, np.hypot(x, z)) / np.pi + 0.5) * HEIGHT_PX,
    ]


def traced(folder: Path, *parts: dict[str, object], **room: object) -> tuple[NDArray, NDArray]:
    path = folder / "a.json"
    path.write_text(json.dumps({"eye_m": EYE_M, "parts": parts, **room}), encoding="utf-8")
    return read_tracing(path).inverse_distance(HEIGHT_PX)


def all_round(top_px: float, bottom_px: float) -> list[list[float]]:
    return [[0, top_px], [WIDTH_PX, top_px], [WIDTH_PX, bottom_px], [0, bottom_px]]


def points(inverse: NDArray) -> NDArray:
    """(h, w, 3): the point of each pixel, metres from the eye."""
    x, y = np.meshgrid(np.arange(WIDTH_PX) + 0.5, np.arange(HEIGHT_PX) + 0.5)
    return rays_through(np.stack([x, y], axis=-1)) / np.maximum(inverse, 1e-9)[..., None]


def test_ground_is_level_and_the_sky_has_no_distance(tmp_path: Path) -> None:
    inverse, known = traced(tmp_path)
    assert points(inverse)[300:, :, 1] == pytest.approx(EYE_M, rel=1e-5)
    assert not inverse[:256].any()
    assert known[:240].all()
    assert known[270:].all()


def test_a_wall_is_flat_and_ends_at_floor_and_ceiling(tmp_path: Path) -> None:
    base = [place(x, EYE_M, WALL_Z_M) for x in (-4, 0, 4)]
    wall = {"kind": "upright", "outline": [[400, 0], [624, 0], [624, 511], [400, 511]], "base": base}
    inverse, known = traced(tmp_path, wall, ceiling_m=2.5)
    seen = points(inverse)[:, 410:614]
    on_wall = np.isclose(seen[..., 2], WALL_Z_M, rtol=1e-3)
    assert (on_wall | np.isclose(seen[..., 1], EYE_M) | np.isclose(seen[..., 1], EYE_M - 2.5)).all()
    assert on_wall[256].all()
    assert (seen[..., 2] < WALL_Z_M * 1.001).all(), "nothing is seen through it"
    assert known[:, 410:614].all(), "where walls meet the floor nothing steps"


def test_one_foot_is_as_far_all_over(tmp_path: Path) -> None:
    foot = place(1.0, EYE_M, 2.0)
    trunk = {"kind": "upright", "outline": [[foot[0] - 9, 60], [foot[0] + 9, 60], [foot[0] + 9, foot[1]]]}
    inverse, known = traced(tmp_path, {**trunk, "base": [foot]})
    x, y = round(foot[0] + 4), 100
    assert np.hypot(*points(inverse)[y, x, ::2]) == pytest.approx(np.hypot(1, 2), rel=1e-3)
    assert known[y, x]
    outline_px = round(foot[0] + 9)
    assert not known[y, outline_px - UNSURE_PX + 1 : outline_px + UNSURE_PX - 1].any()


def test_what_stands_on_something_is_measured_from_there(tmp_path: Path) -> None:
    top = {"kind": "level", "outline": all_round(330, 420), "height_m": 0.5}
    foot = place(0.0, EYE_M - 0.5, 1.2)
    bag = {"kind": "upright", "outline": [[500, 280], [524, 280], [524, 400], [500, 400]], "base": [foot]}
    inverse, _ = traced(tmp_path, top, {**bag, "height_m": 0.5})
    seen = points(inverse)
    assert seen[340, 200, 1] == pytest.approx(EYE_M - 0.5)
    assert np.hypot(*seen[300, 512, ::2]) == pytest.approx(1.2, rel=1e-3)
    assert seen[395, 512, 1] == pytest.approx(EYE_M - 0.5), "below its foot is what it stands on"


def test_a_plane_passes_through_its_points(tmp_path: Path) -> None:
    x, z = np.array([-3.0, 3.0, 0.0]), np.array([4.0, 5.0, 9.0])
    slope = np.stack([x, 1.0 - 0.2 * z, z], axis=1)
    through = [[*place(*point), float(np.linalg.norm(point))] for point in slope]
    hill = {"kind": "plane", "outline": all_round(200, 300), "points": through}
    inverse, _ = traced(tmp_path, hill)
    seen = points(inverse)[240:280, 480:544]
    assert seen[..., 1] == pytest.approx(1.0 - 0.2 * seen[..., 2], abs=1e-3)


def test_outlines_go_round_the_seam(tmp_path: Path) -> None:
    post = [[1010, 100], [1040, 100], [1040, 200], [1010, 200]]
    inverse, known = traced(tmp_path, {"kind": "upright", "outline": post, "distance_m": 4.0})
    assert inverse[150, 1015] == pytest.approx(inverse[150, 8], rel=1e-5)
    assert inverse[150, 8] == pytest.approx(np.cos((256 - 150.5) / 512 * np.pi) / 4, rel=1e-5)
    assert known[150, 1020:].all()
    assert known[150, :8].all()


def test_unknown_parts_and_panoramas_are_not_known(tmp_path: Path) -> None:
    _, known = traced(tmp_path, {"kind": "unknown", "outline": all_round(300, 350)})
    assert not known[310:340].any()
    _, known = traced(tmp_path, ground_is_known=False)
    assert not known[260:].any()
    assert np.isnan(inverse_distance_of("nobody_traced_this", height_px=64)).all()


@pytest.mark.parametrize("path", TRACED, ids=lambda path: path.stem)
def test_each_tracing_says_something(path: Path) -> None:
    for part in json.loads(path.read_text(encoding="utf-8"))["parts"]:
        assert part["kind"] in KINDS
        assert np.shape(part["outline"])[1] == 2
        assert len(part["outline"]) >= 3
        if part["kind"] == "upright" and "distance_m" not in part:
            base = np.array(part["base"], float)
            assert (base[:, 1] > HEIGHT_PX / 2).all(), part["name"]
            assert (np.diff(base[:, 0]) > 0).all(), part["name"]
    inverse = inverse_distance_of(path.stem, height_px=HEIGHT_PX)
    assert np.isfinite(inverse).mean() > 0.4
    assert np.nanmin(inverse) >= 0


@pytest.fixture
def level_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a.webp, traced as nothing but level ground, and b.webp, which nobody has traced."""
    monkeypatch.setattr(tracings, "FOLDER", tmp_path)
    monkeypatch.setattr(panoramas, "VIEWS_EACH", 5)
    (tmp_path / "a.json").write_text(json.dumps({"eye_m": EYE_M, "parts": []}), encoding="utf-8")
    noise_bgr = np.random.default_rng(1).integers(0, 255, (256, 512, 3)).astype(np.uint8)
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.webp"), noise_bgr)
    return tmp_path


def test_a_view_of_level_ground_is_a_plane(level_ground: Path) -> None:
    """Inverse depth of a plane grows evenly over a pinhole camera's picture, whichever way it is held."""
    for _, inverse_depth in panorama_views(level_ground, without=["b"]):
        down, across = np.nonzero(inverse_depth > 0.02)
        values = inverse_depth[down, across].astype(np.float64)
        design = np.stack([down, across, np.ones_like(down)], axis=1)
        fit, *_ = np.linalg.lstsq(design, values, rcond=None)
        assert np.abs(design @ fit - values).max() < 0.02


def test_panoramas_can_be_left_out(level_ground: Path) -> None:
    assert len(panorama_views(level_ground)) == 10
    assert len(panorama_views(level_ground, without=["a"])) == 5
    with pytest.raises(UserError, match=r"holds no panorama c\.webp"):
        panorama_views(level_ground, without=["c"])


def test_what_is_traced_is_scored(level_ground: Path) -> None:
    """Exact depth, whatever its scale, beats the ramp; of what is not traced there is no score."""
    rng = np.random.default_rng(HELD_BACK_SEED)
    exact = {image.tobytes(): depth for image, depth in views_of(level_ground / "a.webp", 20, rng)}

    def predict(image_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        return 3 * np.nan_to_num(exact[image_bgr.tobytes()].astype(np.float32)) + 1

    found = score_traced(predict, level_ground, 20)
    assert list(found) == ["a"]
    own, baseline = found["a"]
    assert own.rho > 0.99
    assert own.d1 > 0.99
    assert own.abs_rel < 0.05 < baseline.abs_rel


def test_a_tracing_is_shown(level_ground: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Past the seam, too: near ground is bright, and at the horizon nothing is known."""
    out = level_ground / "out.png"
    cv2.imwrite(str(level_ground / "a.webp"), np.zeros((512, 1024, 3), np.uint8))
    seen = [str(level_ground / "a.webp"), "--out", str(out), "--crop", "-64", "200", "128", "312"]
    assert main(seen) == 0
    picture = cv2.imread(str(out))
    scale = picture.shape[1] // 128
    assert picture.shape[0] == 312 * scale
    column = picture[:, 3 * scale + 5].astype(int)  # between two lines of the grid
    assert column[(490 - 200) * scale].sum() > column[(300 - 200) * scale].sum() > 0
    assert column[(256 - 200) * scale + 1].argmax() == 0, "blue: so near to the horizon nothing is known"
    assert main([*seen, "--plain"]) == 0
    assert not cv2.imread(str(out))[(490 - 200) * scale, 3 * scale + 5].any()
    assert main([*seen[:3], "--crop", "0", "500", "10", "50"]) == 2
    assert "--crop" in capsys.readouterr().err
    (level_ground / "a.webp").write_bytes(b"nothing")
    assert main(seen) == 2
    assert "cannot be read" in capsys.readouterr().err
