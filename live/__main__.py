"""depth-live: a camera, a file or a stream becomes a window that shows depth."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from live.config import PROG, Known, LiveConfig, Serving, SourceSpec, parse_source
from shared import UserError, console, options


def main(arguments: Sequence[str] | None = None) -> int:
    return console.run(lambda: command(arguments), prog=PROG)


def command(arguments: Sequence[str] | None) -> int:
    parsed = build_parser().parse_args(arguments)
    console.configure_logging(verbose=parsed.verbose)
    if parsed.version:
        return print_version(parsed)
    if parsed.list_cameras:
        return list_cameras()
    if parsed.web:
        return serve_page(parsed)
    config = to_config(parsed)
    prepare_opencv()
    from live.app import App

    App(config, announce=console.say).run()
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = options.ArgumentParser(
        prog=PROG, description="Shows how near everything is that a camera sees, live.", allow_abbrev=False
    )
    parser.add_argument("--version", action="store_true", help="print versions, weights and engine, and end")
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a camera's number (default 0), a video file, or a URL (RTSP, HTTP MJPEG, MPEG-TS)",
    )
    parser.add_argument("--demo", action="store_true", help="play the project's own rendered clip")
    parser.add_argument("--list-cameras", action="store_true", help="name the cameras that open, and end")
    options.add_view_options(parser, default_view="overlay")
    parser.add_argument(
        "--every",
        type=auto_or_count,
        default=1,
        metavar="auto|N",
        help="infer each Nth frame; auto is as often as the machine can (default)",
    )
    options.add_steady_option(parser)
    parser.add_argument(
        "--metres",
        type=two_distances,
        metavar="NEARNESS:M,NEARNESS:M",
        help="tell distances: how near two things look at the start (0 to 100), and how far they are",
    )
    options.add_model_options(parser)
    _add_source_options(parser)
    _add_output_options(parser)
    options.add_common_options(parser)
    return parser


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("source")
    group.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="mirror the picture (default: cameras yes, others no)",
    )
    group.add_argument(
        "--width", type=options.positive_int, metavar="PX", help="ask the camera for this width"
    )
    group.add_argument("--height", type=options.positive_int, metavar="PX", help="and this height")
    group.add_argument(
        "--fps", type=options.positive_float, metavar="N", help="and this many frames per second"
    )
    group.add_argument("--loop", action="store_true", help="start a file again at its end (--demo does so)")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--record", type=Path, metavar="FILE.mp4", help="record from the first depth on")
    group.add_argument("--raw", type=Path, metavar="FILE.mkv", help="record the depth itself, 16 bits")
    group.add_argument("--virtual-camera", action="store_true", help="show the view as a camera for calls")
    group.add_argument("--no-window", action="store_true", help="for recording or serving without a display")
    group.add_argument("--duration", type=options.positive_float, metavar="S", help="end after S seconds")
    group.add_argument("--stats", type=Path, metavar="FILE.json", help="write what was measured at the end")
    group.add_argument(
        "--serve",
        type=address,
        metavar="[HOST:]PORT",
        help="serve the view and its depth to other programs (default host 127.0.0.1)",
    )
    group.add_argument("--token", help="ask for it with --serve (better set in DEPTH_TOKEN, unseen)")
    group.add_argument("--no-token", action="store_true", help="serve to other machines without one")
    group.add_argument("--web", action="store_true", help="show a page in the browser instead of a window")
    group.add_argument("--host", default="127.0.0.1", help="where --web listens (default %(default)s)")
    group.add_argument(
        "--port", type=port_number, default=7860, help="and on which port (default %(default)s)"
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of the page's or --serve's address",
    )
    group.add_argument("--password", help="ask for it (better set in DEPTH_PASSWORD, which nobody sees)")
    group.add_argument("--no-password", action="store_true", help="open --host to others without one")
    group.add_argument("--certificate", type=Path, metavar="FILE.pem", help="serve over TLS, together with")
    group.add_argument("--key", type=Path, metavar="FILE.pem", help="the certificate's private key")


def auto_or_count(text: str) -> int:
    return 1 if text == "auto" else options.positive_int(text)


def two_distances(text: str) -> tuple[Known, Known]:
    try:
        first, second = ([float(number) for number in part.split(":")] for part in text.split(","))
        (near, near_m), (far, far_m) = first, second
    except ValueError:
        near = near_m = far = far_m = math.nan
    if not (0 <= near <= 100 and 0 <= far <= 100 and 0 < near_m <= 100 and 0 < far_m <= 100):
        raise argparse.ArgumentTypeError(f"expected two distances as 85:0.6,20:3.5, got {text!r}")
    return (near, near_m), (far, far_m)


def port_number(text: str) -> int:
    value = options.positive_int(text)
    if value > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")
    return value


def address(text: str) -> tuple[str, int]:
    """'8080', '0.0.0.0:8080' or '[::1]:8080' -> (host, port)."""
    host, colon, port = text.rpartition(":")
    if (colon and not host) or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise argparse.ArgumentTypeError(f"expected a port, or HOST:PORT ([::1]:PORT for IPv6), got {text!r}")
    return host.strip("[]") or "127.0.0.1", port_number(port)


def to_config(parsed: argparse.Namespace) -> LiveConfig:
    """Checks what argparse cannot. Raises UserError."""
    if parsed.demo and parsed.source is not None:
        raise UserError("--demo brings its own source.", "Leave out either --demo or SOURCE.")
    source = None if parsed.demo else parse_source(parsed.source or "0")
    plain: dict[str, Any] = {
        name: getattr(parsed, name)
        for name in ("every", "steady", "metres", "fps", "record", "raw", "virtual_camera", "stats")
    }
    return LiveConfig(
        source=source or demo_source(),
        **plain,
        look=options.look_from(parsed),
        network=options.network_from(parsed),
        serving=serving_from(parsed),
        mirror=parsed.mirror if parsed.mirror is not None else source is not None and source.kind == "camera",
        width_px=parsed.width,
        height_px=parsed.height,
        loop=parsed.loop or (parsed.demo and (not parsed.no_window or parsed.duration is not None)),
        window=not parsed.no_window,
        duration_s=parsed.duration,
    )


def serving_from(parsed: argparse.Namespace) -> Serving | None:
    if parsed.serve is None:
        return None
    host, port = parsed.serve
    return Serving(
        host,
        port,
        token=parsed.token or os.environ.get("DEPTH_TOKEN") or None,
        without_token=parsed.no_token,
        allowed_hosts=tuple(parsed.allow_host),
    )


def demo_source() -> SourceSpec:
    from shared.bundled.demo import demo_clip

    return SourceSpec("file", demo_clip(), "demo")


def serve_page(parsed: argparse.Namespace) -> int:
    from live import web

    if parsed.source is not None or parsed.demo:
        raise UserError("--web takes no source: the page has its own camera and files.", "Leave SOURCE out.")
    if (parsed.certificate is None) != (parsed.key is None):
        raise UserError("--certificate and --key belong together.", "Give both, or neither.")
    opening = web.Opening(
        host=parsed.host,
        port=parsed.port,
        allowed_hosts=tuple(parsed.allow_host),
        password=parsed.password or os.environ.get("DEPTH_PASSWORD") or None,
        without_password=parsed.no_password,
        tls=web.Tls(parsed.certificate, parsed.key) if parsed.certificate else None,
    )
    return web.serve(opening, options.network_from(parsed), announce=console.say)


def print_version(parsed: argparse.Namespace) -> int:
    from shared.about import version_text

    console.say(version_text(parsed.weights))
    return 0


def list_cameras() -> int:
    prepare_opencv()
    from live.capture import listing

    console.say("\n".join(listing()))
    return 0


def prepare_opencv() -> None:
    from live.quiet import open_only_streams, quiet_opencv

    quiet_opencv()
    open_only_streams()


if __name__ == "__main__":
    sys.exit(main())
