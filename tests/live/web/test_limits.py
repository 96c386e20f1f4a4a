"""How much a visitor may ask for: bombs, drips, crowds, names; each ends in a sentence."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from shared import DepthMap, FrameBGR, UserError
from shared.media.photos import count_scans, decode_photo
from tests.conftest import BrightnessPredictor
from tests.support.web_server import SENTENCE, WebServer, server, skip_without_browser
from video.settings import DEFAULT_EVERY

if TYPE_CHECKING:
    from live.web.clips import Clips, Job

__all__ = ["server"]

LIMITS = {"formats": ("JPEG", "PNG", "WEBP"), "most_pixels": 50_000_000}


def jpeg(width_px: int, height_px: int, *, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again, as often as is asked for."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (width_px, height_px), 128).save(buffer, "JPEG", progressive=True)
    whole = buffer.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * (1 + scans - count_scans(whole)) + whole[-2:]


@pytest.mark.parametrize(("size_px", "scans"), [((7071, 7071), 900), ((64, 64), 101), ((7000, 7000), 60)])
def test_a_jpeg_of_too_many_scans_is_refused_undecoded(size_px: tuple[int, int], scans: int) -> None:
    content = jpeg(*size_px, scans=scans)
    assert count_scans(content) == scans
    begun_s = time.thread_time()
    with pytest.raises(UserError, match=f"{scans} scans"):
        decode_photo(content, "The photo", **LIMITS)
    assert time.thread_time() - begun_s < 1  # of processor time: a decoder would take a minute


def test_ordinary_jpegs_are_taken_thumbnail_and_all() -> None:
    from PIL import Image

    thumbnail = jpeg(64, 64, scans=60)
    exif = Image.Exif()
    exif[0x927C] = thumbnail * 3
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), "red").save(buffer, "JPEG", progressive=True, exif=exif)
    assert count_scans(buffer.getvalue()) == 10
    assert decode_photo(buffer.getvalue(), "The photo", **LIMITS).shape == (480, 640, 3)


@pytest.mark.parametrize("size_px", [(1, 65_500), (65_500, 1), (15, 4000), (16, 65_600)])
def test_slivers_are_a_sentence(size_px: tuple[int, int]) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", size_px).save(buffer, "PNG")
    with pytest.raises(UserError, match="pixels"):
        decode_photo(buffer.getvalue(), "The photo", **LIMITS)


def test_a_wide_photo_in_every_view_is_a_picture_or_a_sentence(server: WebServer) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (65_500, 16), "red").save(buffer, "PNG")
    for view in ("depth", "overlay", "side-by-side"):
        status, body = server.post(f"depth/photos?view={view}", buffer.getvalue())
        assert status in (200, 400), body
        assert status == 200 or SENTENCE.match(json.loads(body)["message"])


def test_sixteen_bits_and_hidden_colours_are_the_same_for_command_and_page() -> None:
    from PIL import Image

    deep = np.linspace(0, 65_535, 64 * 64).reshape(64, 64).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG")
    decoded = decode_photo(buffer.getvalue(), "x.png")
    assert np.abs(decoded[:, :, 0].astype(int) - (deep >> 8)).max() == 0
    hidden = np.full((32, 32, 4), (200, 100, 50, 0), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(hidden).save(buffer, "PNG")
    assert decode_photo(buffer.getvalue(), "x.png").max() == 0


class Dripping:
    """A request whose body comes in pieces of so many bytes, each after a pause."""

    def __init__(self, pieces: int, size: int, pause_s: float) -> None:
        self.headers = {"content-length": str(pieces * size)}
        self._pieces, self._size, self._pause_s = pieces, size, pause_s

    async def stream(self) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            await asyncio.sleep(self._pause_s)
            yield bytes(self._size)


def test_uploads_that_drip_are_ended_and_what_they_held_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_browser()
    from live.web import bodies
    from live.web.limits import Refusal

    monkeypatch.setattr(bodies, "GRACE_S", 0.2)
    monkeypatch.setattr(bodies, "SLOWEST_BYTES_PER_S", 10_000)
    held = bodies.Bodies(1000)

    async def take(request: Any) -> int:
        async with held.whole(request, "The photo", 5000) as content:
            return len(content)

    with pytest.raises(Refusal, match="too slow"):
        asyncio.run(take(Dripping(500, 1, 0.02)))
    assert asyncio.run(take(Dripping(10, 90, 0.01))) == 900
    with pytest.raises(Refusal, match="Too much"):
        asyncio.run(take(Dripping(10, 110, 0.001)))
    with pytest.raises(Refusal, match="larger than"):
        asyncio.run(take(Dripping(10, 600, 0.001)))
    assert held._held_bytes == 0


def test_who_waits_holds_no_thread_and_a_crowd_is_told_to_come_back() -> None:
    skip_without_browser()
    from live.web.limits import Refusal
    from live.web.turns import Turns

    release = threading.Event()

    async def crowd() -> list[Any]:
        turns = Turns("test", at_once=1, waiting=2)
        asked = [asyncio.create_task(turns.run(release.wait, 30)) for _ in range(5)]
        await asyncio.sleep(0.2)
        release.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        turns.close()
        return answers

    answers = asyncio.run(crowd())
    assert answers[:3] == [True] * 3
    assert all(isinstance(answer, Refusal) and answer.status == 503 for answer in answers[3:])


@pytest.mark.parametrize(
    "name",
    [
        "\U0001d53b" * 300 + ".mp4",
        "x." + "\U0001d53b" * 300,
        "a" * 5000,
        "../../etc/passwd",
        "",
        ".",
        "CON.mp4\n\0",
        "%d.mp4",
    ],
)
def test_any_name_is_taken(server: WebServer, make_clip: Callable[..., Path], name: str) -> None:
    from urllib.parse import quote

    from live.web.clips import safe_name

    safe = safe_name(name)
    assert len(f".{safe}.0123456789abcdef.part".encode()) < 200
    assert "/" not in safe
    status, body = server.post(f"depth/clips?name={quote(name)}")
    assert status == 200, body
    key = json.loads(body)["key"]
    assert server.post(f"depth/clips/{key}/upload", b"no clip")[0] == 200


@pytest.fixture
def short_clip(make_clip: Callable[..., Path]) -> Path:
    return make_clip("told.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=96x64:rate=25:duration=2")


def converted(clips: Clips, clip: Path, every: int = DEFAULT_EVERY) -> Job:
    """What became of a visitor's clip."""
    from video.settings import ConvertSettings

    job = clips.open(clip.name, ConvertSettings(every=every))
    clips.claim(job.key)
    job.source.write_bytes(clip.read_bytes())
    clips.enqueue(job)
    while job.state not in ("failed", "done", "cancelled"):
        time.sleep(0.05)
    return job


def test_a_clip_of_too_many_frames_is_a_sentence(
    short_clip: Path, make_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_browser()
    from live.web import clips as module

    monkeypatch.setattr(module, "CLIP_FRAMES", 20)
    untold = make_clip("untold.gif", video="testsrc2=size=96x64:rate=25:duration=2")
    clips = module.Clips(BrightnessPredictor(), tmp_path)  # type: ignore[arg-type]
    try:
        for clip in (short_clip, untold):
            job = converted(clips, clip)
            assert (job.state, "more than 20 frames" in job.message) == ("failed", True)
    finally:
        clips.close()


def test_of_finished_clips_only_so_many_bytes_are_kept(short_clip: Path, tmp_path: Path) -> None:
    """The newest; and what somebody is just fetching, whatever it weighs."""
    skip_without_browser()
    from live.web.clips import Clips
    from live.web.limits import Refusal

    made = Clips(BrightnessPredictor(), tmp_path)  # type: ignore[arg-type]
    weight = converted(made, short_clip).result.stat().st_size
    made.close()
    clips = Clips(BrightnessPredictor(), tmp_path, kept_bytes=2 * weight)  # type: ignore[arg-type]
    try:
        first, second, third, fourth = (converted(clips, short_clip) for _ in range(4))
        with clips.watching(first.key):
            clips.drop_old()
            assert clips.result(first.key).stat().st_size == weight
        with pytest.raises(Refusal, match="no longer kept"):
            clips.result(second.key)
        assert not second.folder.exists()
        assert clips.result(third.key).is_file()
        assert clips.result(fourth.key).is_file()
    finally:
        clips.close()


def test_cameras_that_never_sent_a_picture_make_room(server: WebServer) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(buffer, "JPEG")
    used = json.loads(server.post("depth/cameras")[1])["key"]
    assert server.post(f"depth/cameras/{used}", buffer.getvalue())[0] == 200
    for _ in range(100):
        assert server.post("depth/cameras")[0] == 200
    assert server.post(f"depth/cameras/{used}", buffer.getvalue())[0] == 200


class CountingPredictor(BrightnessPredictor):
    def __init__(self) -> None:
        super().__init__(64)
        self.predicted = 0

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        self.predicted += 1
        return super().predict(frame_bgr)


def test_a_clip_is_inferred_as_often_as_by_the_command(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """With what the page sends before anybody has moved a control."""
    skip_without_browser()
    from live.web.clips import Clips
    from live.web.page import START
    from live.web.query import every_of

    clip = make_clip("still-25.mp4", video="color=gray:size=96x64:rate=25:duration=2")
    predictor = CountingPredictor()
    clips = Clips(predictor, tmp_path)  # type: ignore[arg-type]
    try:
        job = converted(clips, clip, every_of({"every": str(START["clip"]["every"])}))
        assert (job.state, predictor.predicted) == ("done", ceil(50 / DEFAULT_EVERY))
    finally:
        clips.close()
