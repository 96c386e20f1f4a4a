"""A cluster of three nodes against one machine: python tests/benchmarks/cluster_films.py CLIPS FOLDER.

CLIPS has the real clips. FOLDER gets a folder of thirty short clips cut out of them and one film of ten
minutes joined of them, both conversions of both, and stays; what is there already is not made again. Lossless
and in float32, so that equal depth gives equal pictures; the film in grey, so that its pictures are depth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared.media import VideoReader
from shared.media.ffmpeg import FFmpeg
from shared.motion.flow import small_gray
from tests.benchmarks.cluster_scaling import print_overhead
from tests.benchmarks.machine import description, print_table
from tests.benchmarks.timed_worker import timed_command, units_file
from tests.support.ray_cluster import ENVIRONMENT, REPOSITORY, RayCluster
from tests.support.video_files import FileFacts, audio_hash, facts, ffmpeg, pictures_rgb

CLIPS = ("one-by-one-person-detection", "car-detection", "bottle-detection")
EACH, CLIP_S = 10, 3
FILM_S, FILM_FPS, SIZE = 600, 15, (640, 360)
MAP_SIZE = (256, 144)
LUMA = 255 / 219  # of limited range, to levels of 255
AROUND = 75  # frames on either side of a seam that stand for the take
LOSSLESS = ("--precision", "f32", "--crf", "0", "--preset", "ultrafast", "--weights", "bundled")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=FILM_S, help="of the film")
    options = parser.parse_args()
    print(description(), "\n", flush=True)
    make_material(options.clips, options.folder, options.seconds)
    convert_all(options.folder)
    compare_clips(options.folder)
    compare_film(options.folder)
    return 0


def make_material(clips: Path, folder: Path, seconds: int) -> None:
    short, film = folder / "clips", folder / "film.mp4"
    short.mkdir(parents=True, exist_ok=True)
    look = f"scale={SIZE[0]}:{SIZE[1]},setsar=1"
    encoding = ("-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac")
    for name in CLIPS:
        for number in range(EACH):
            path = short / f"{name}-{number}.mp4"
            if not path.exists():
                cut = ("-ss", str(number * 2.7), "-t", str(CLIP_S))
                ffmpeg("-v", "error", *cut, "-i", clips / f"{name}.mp4", "-vf", look, *encoding, path)
    if film.exists():
        return
    order = [CLIPS[0], CLIPS[1], CLIPS[2], CLIPS[2]]
    inputs = [text for name in order for text in ("-i", str(clips / f"{name}.mp4"))]
    parts = [f"[{number}:v]{look},fps={FILM_FPS}[v{number}]" for number in range(len(order))]
    joined = "".join(f"[v{number}]" for number in range(len(order))) + f"concat=n={len(order)}[v]"
    turn = folder / "turn.mp4"
    ffmpeg(
        "-v", "error", *inputs, "-filter_complex", ";".join([*parts, joined]), "-map", "[v]", *encoding, turn
    )
    sound = ("-f", "lavfi", "-i", "anoisesrc=color=pink:seed=7,tremolo=f=0.5")
    length = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-t", str(seconds))
    ffmpeg("-v", "error", "-stream_loop", "9", "-i", turn, *sound, *length, film)
    turn.unlink()


def convert_all(folder: Path) -> None:
    kinds = {"clips": (), "film.mp4": ("--colormap", "gray")}
    for source, options in kinds.items():
        single, cluster = (folder / f"{name}-{Path(source).stem}" for name in ("single", "cluster"))
        if not single.exists():
            plain = [sys.executable, "-m", "video.__main__"]
            converted([*plain, str(folder / source), *LOSSLESS, *options], single)
        if not cluster.exists():
            with closing(RayCluster()) as ray:
                where = ("--cluster", ray.address)
                converted(timed_command(folder / source, *LOSSLESS, *options, *where), cluster)


def converted(command: list[str], output_dir: Path) -> None:
    """output_dir has its name only when all is in it."""
    begun_s = time.time()
    unfinished = output_dir.with_name(f"unfinished-{output_dir.name}")
    command = [*command, "--output-dir", str(unfinished), "--quiet", "--overwrite"]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=ENVIRONMENT)
    unfinished.rename(output_dir)
    if (units := units_file(unfinished)).exists():
        units.rename(units_file(output_dir))
    print(f"{output_dir.name}: {time.time() - begun_s:.0f} s", flush=True)


def compare_clips(folder: Path) -> None:
    """How many of the clips have the frames, rate, duration, sound and pictures of one machine's."""
    outputs = sorted((folder / "single-clips").glob("*.mp4"))
    same = {"facts": 0, "pictures": 0}
    worst = 0.0
    for single in outputs:
        cluster = folder / "cluster-clips" / single.name
        same["facts"] += told(facts(single)) == told(facts(cluster))
        levels = np.abs(pictures_rgb(single).astype(np.int16) - pictures_rgb(cluster)).mean(axis=(1, 2, 3))
        same["pictures"] += not levels.any()
        worst = max(worst, float(levels.max()))
    print(f"\n{len(outputs)} clips: frames, rate, duration and sound equal in {same['facts']}, pictures in")
    print(
        f"{same['pictures']}; the picture that is furthest off is so by {worst:.4f} of 255 levels\n",
        flush=True,
    )


def told(what: FileFacts) -> tuple[Any, ...]:
    return what.frames, what.frame_rate, what.duration_s, what.first_picture_s, what.audio_hashes


def compare_film(folder: Path) -> None:
    single, cluster = (folder / f"{name}-film" / "film-depth.mp4" for name in ("single", "cluster"))
    both = [facts(single), facts(cluster)]
    for name, what in zip(("one machine", "cluster"), both, strict=True):
        print(f"{name}: {what.frames} frames, {float(what.frame_rate):.3f}/s, {what.duration_s} s")
    print(f"all equal: {told(both[0]) == told(both[1])}; sound equal to the source's:", end=" ")
    print(f"{both[1].audio_hashes == (audio_hash(folder / 'film.mp4'),)}\n", flush=True)
    segments = segments_of(folder)
    levels = differences(single, cluster)
    print_segments(segments, levels)
    units = [json.loads(line) for line in units_file(folder / "cluster-film").read_text("utf-8").splitlines()]
    print_overhead([unit for unit in units if unit["kind"] != "Hello"])
    print_seams(segments, folder / "film.mp4", single, cluster)


def segments_of(folder: Path) -> list[dict[str, Any]]:
    """The last try of each, by their starts."""
    units = [json.loads(line) for line in units_file(folder / "cluster-film").read_text().splitlines()]
    done = {unit["start"]: unit for unit in units if unit["kind"] != "Hello" and unit["result"] == "Piece"}
    return [done[start] for start in sorted(done)]


def differences(a: Path, b: Path) -> NDArray[np.float64]:
    """Mean difference of each picture's luma, in levels of 255."""
    pairs = zip(lumas(a, SIZE), lumas(b, SIZE), strict=True)
    return np.array([cv2.absdiff(first, second).mean() * LUMA for first, second in pairs])


def lumas(path: Path, size: tuple[int, int], *, scaled: bool = False) -> Iterator[NDArray[np.uint8]]:
    """Of one of our outputs: its pictures are at a constant rate."""
    scale = f"scale={size[0]}:{size[1]}:flags=area,format=yuv420p," if scaled else ""
    arguments = ["-i", str(path), "-map", "0:v", "-vf", f"{scale}extractplanes=y", "-fps_mode", "passthrough"]
    child = FFmpeg([*arguments, "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"], pipe_out=True)
    try:
        while True:
            luma = np.empty((size[1], size[0]), np.uint8)
            if child.read_into(luma.data.cast("B")) != luma.nbytes:
                return
            yield luma
    finally:
        child.close()


def grays(film: Path) -> Iterator[NDArray[np.uint8]]:
    with VideoReader(film) as reader:
        for frame_bgr, _ in reader:
            yield small_gray(frame_bgr, *MAP_SIZE)


def print_segments(segments: list[dict[str, Any]], levels: NDArray[np.float64]) -> None:
    """Difference from one machine's pictures: at the first frame, in the 3 s behind it, anywhere."""
    rows = []
    for unit in segments:
        own = levels[unit["start"] : unit["stop"]]
        begins = (
            "at a cut" if not unit["in_take"] else "from the state" if unit["from_state"] else "with a run-in"
        )
        numbers = [own[0], own[: 3 * FILM_FPS].max(), own.max(), own.mean()]
        rows.append([str(unit["start"]), str(len(own)), begins, *(f"{it:.3f}" for it in numbers)])
    print_table(["first frame", "frames", "begins", "at the seam", "worst in 3 s", "worst", "mean"], rows)
    print(f"\nthe whole film: {levels.mean():.4f} levels; {np.mean(levels == 0):.1%} of the pictures equal\n")


def print_seams(segments: list[dict[str, Any]], film: Path, single: Path, cluster: Path) -> None:
    """Warp error from the frame before a seam to the one behind it, and within the take around it."""
    seams = [unit["start"] for unit in segments if unit["in_take"]]
    wanted = {index for seam in seams for index in range(seam - AROUND - 1, seam + AROUND + 1)}
    pictures = (grays(film), lumas(cluster, MAP_SIZE, scaled=True), lumas(single, MAP_SIZE, scaled=True))
    gray, ours, theirs = ({i: it for i, it in enumerate(each) if i in wanted} for each in pictures)
    rows = []
    for seam in seams:
        around = [
            it for it in range(seam - AROUND, seam + AROUND) if it != seam and it in gray and it - 1 in gray
        ]
        errors = np.array([warped(gray, ours, index) for index in around])
        at_seam, alone = warped(gray, ours, seam), warped(gray, theirs, seam)
        numbers = [at_seam, alone, errors.mean(), float(np.percentile(errors, 95)), errors.max()]
        rows.append([str(seam), *(f"{it * LUMA:.3f}" for it in numbers), f"{np.mean(errors < at_seam):.0%}"])
    print("Warp error in levels of 255:\n")
    names = ["seam at", "across it", "one machine there", "take: mean", "95 %", "most", "below the seam's"]
    print_table(names, rows)


def warped(gray: dict[int, NDArray[np.uint8]], values: dict[int, NDArray[np.uint8]], index: int) -> float:
    from tests.benchmarks.steadiness import warped_difference

    before, now = (values[it].astype(np.float32) for it in (index - 1, index))
    return warped_difference(gray[index - 1], gray[index], before, now)


if __name__ == "__main__":
    sys.exit(main())
