"""depth-video: the command. Parses, validates into a Batch, runs it; everything else is a library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from shared import Encoding, Preset, RawForm, Turn, UserError
from shared.console import configure_logging, run, say
from shared.options import (
    ArgumentParser,
    add_common_options,
    add_model_options,
    add_steady_option,
    add_view_options,
    look_from,
    network_from,
    picture_height_px,
    positive_float,
    positive_int,
    seconds,
    whole_number_0_51,
)
from video.settings import DEFAULT_EVERY, ConvertSettings, RawSize

if TYPE_CHECKING:
    from video.plan import BatchOptions

PROG = "depth-video"


def main(argv: list[str] | None = None) -> int:
    return run(lambda: _command(sys.argv[1:] if argv is None else argv), prog=PROG)


def _command(argv: list[str]) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.demo:
        parser.set_defaults(view="side-by-side")
        arguments = parser.parse_args(argv)
    configure_logging(verbose=arguments.verbose)
    if arguments.version:
        from shared.about import version_text

        say(version_text(arguments.weights))
        return 0
    _check(arguments)
    if arguments.cluster is not None:
        from video.cluster import ClusterChoice, run_cluster

        choice = ClusterChoice(arguments.cluster, arguments.worker_cores, arguments.jobs)
        return run_cluster(batch_from(arguments), settings_from(arguments), choice, say=say)
    from video.batch import run_batch

    return run_batch(batch_from(arguments), settings_from(arguments), say=say)


def batch_from(arguments: argparse.Namespace) -> BatchOptions:
    from video.plan import BatchOptions

    return BatchOptions(
        inputs=[Path(name) for name in arguments.inputs],
        output=arguments.output,
        output_dir=arguments.output_dir,
        is_demo=arguments.demo,
        recursive=arguments.recursive,
        skip_existing=arguments.skip_existing,
        jobs=arguments.jobs or 1,
        quiet=arguments.quiet,
        network=network_from(arguments),
    )


def settings_from(arguments: argparse.Namespace) -> ConvertSettings:
    return ConvertSettings(
        look=look_from(arguments),
        every=arguments.every,
        steady=arguments.steady,
        start_s=arguments.start,
        duration_s=arguments.duration,
        max_height_px=arguments.max_height,
        audio=not arguments.no_audio,
        encoding=Encoding(arguments.crf, arguments.preset),
        raw=arguments.raw,
        raw_size=arguments.raw_size,
        overwrite=arguments.overwrite,
        resume=arguments.resume,
    )


def _check(arguments: argparse.Namespace) -> None:
    """What no single option can know."""
    if not arguments.inputs and not arguments.demo:
        raise UserError("No input was given.", "Name a video, a photo or a folder, or try --demo.")
    if arguments.inputs and arguments.demo:
        raise UserError("--demo makes its own input.", "Leave the input away, or leave --demo away.")
    if address := next((name for name in arguments.inputs if "://" in name), None):
        raise UserError(
            f"{address} is no file.", "Download it first; depth-live shows addresses as they come."
        )
    if arguments.output is not None and arguments.output_dir is not None:
        raise UserError("-o and --output-dir exclude each other.", "Give one of them.")
    several = len(arguments.inputs) > 1 or any(Path(name).is_dir() for name in arguments.inputs)
    if arguments.output is not None and several:
        raise UserError("-o names one file, but there are several inputs.", "Use --output-dir instead.")
    if arguments.turn != Turn() and arguments.view != "relief":
        raise UserError("--turn belongs to another view.", "Add --view relief, or leave --turn away.")
    if arguments.focus is not None and arguments.view != "focus":
        raise UserError("--focus belongs to another view.", "Add --view focus, or leave --focus away.")
    if arguments.raw and arguments.resume:
        raise UserError(
            "--raw and --resume exclude each other.", "Convert anew with --raw, without --resume."
        )


def build_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog=PROG, description="Turn videos and photos into depth: near is bright, far is dark."
    )
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="videos, photos, or folders of them")
    parser.add_argument("--demo", action="store_true", help="convert a short clip of our own")
    parser.add_argument("--version", action="store_true", help="print versions, weights and engine, and end")
    _add_output_options(parser)
    add_view_options(parser)
    _add_depth_options(parser)
    _add_video_options(parser)
    _add_cluster_options(parser)
    add_model_options(parser)
    add_common_options(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="an MP4, or with .gif an animated GIF (default: STEM-depth.mp4 beside the input)",
    )
    group.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="folder for the outputs; made where missing"
    )
    group.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    group.add_argument("--skip-existing", action="store_true", help="pass over inputs whose output exists")
    group.add_argument("--resume", action="store_true", help="go on with a conversion that was stopped")
    group.add_argument("--recursive", action="store_true", help="look into the folders' folders, too")
    group.add_argument(
        "--jobs", type=positive_int, metavar="N", help="files at a time (default 1); of a cluster: workers"
    )


def _add_cluster_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster")
    group.add_argument(
        "--cluster",
        metavar="ADDRESS|local",
        help="convert on a Ray cluster, long films in segments; local: on one of this machine's cores",
    )
    group.add_argument(
        "--worker-cores", type=positive_int, default=1, metavar="N", help="cores of each worker (default 1)"
    )


def _add_depth_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("depth")
    group.add_argument(
        "--every",
        type=positive_int,
        default=DEFAULT_EVERY,
        metavar="N",
        help="run the network on each Nth frame, sooner where something moves or much is new, carry depth"
        " along between (default %(default)s)",
    )
    add_steady_option(group)
    group.add_argument(
        "--raw", choices=get_args(RawForm), help="also write the depth itself, for further computing"
    )
    group.add_argument(
        "--raw-size", choices=get_args(RawSize), default="network", help="its size (default %(default)s)"
    )


def _add_video_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("video")
    group.add_argument(
        "--start", type=seconds, default=0.0, metavar="S", help="begin S seconds into the video"
    )
    group.add_argument("--duration", type=positive_float, metavar="S", help="convert S seconds only")
    group.add_argument(
        "--max-height", type=picture_height_px, metavar="PX", help="make higher videos this high"
    )
    group.add_argument("--no-audio", action="store_true", help="leave the audio away")
    group.add_argument(
        "--crf",
        type=whole_number_0_51,
        default=Encoding.crf,
        metavar="N",
        help="quality, lower is better (default %(default)s)",
    )
    group.add_argument(
        "--preset",
        choices=get_args(Preset),
        default=Encoding.preset,
        metavar="NAME",
        help="x264's (default %(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
