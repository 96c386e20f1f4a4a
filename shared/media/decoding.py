"""The ffmpeg filters that turn whatever a file holds into upright SDR BGR frames at one constant rate."""

from __future__ import annotations

from shared.media.probing import VideoInfo

# Exact rounding, and chroma interpolated instead of repeated: colours within 3 levels of a reference decoder.
EXACT_SCALING = "flags=bicubic+accurate_rnd+full_chroma_int"
# Up to 5 levels off, for frames that only a network sees. Areas are averaged, so that nothing aliases.
QUICK_SCALING = "flags=area+full_chroma_int"
BT709_TAGS = "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
LONGEST_STILL_S = 60
REFERENCE_WHITE_NITS = 203  # ITU-R BT.2408: where SDR white lies in an HDR picture


def frame_filters(
    info: VideoInfo, size_px: tuple[int, int], *, is_seeked: bool, skip_frames: int, is_exact: bool = True
) -> str:
    """ffmpeg's -vf text. Rotation is ffmpeg's own first step and stands before all of these.

    is_seeked: the first picture's time already counts from the seek point, not from the file's first frame.
    is_exact: whether colours must be right to the eye.
    skip_frames: frames at the constant rate that are passed over.
    """
    width_px, height_px = size_px
    filters = []
    if info.is_interlaced:
        filters.append("bwdif=mode=send_frame:deint=interlaced")
    if info.is_hdr:
        filters += _tone_mapping(info)
    if info.has_alpha:
        filters += ["format=gbrap", "premultiply=inplace=1"]  # over black
    matrix = "" if info.is_hdr else f":in_color_matrix={_matrix(info)}"
    if is_exact:
        filters.append(f"scale={width_px}:{height_px}:{EXACT_SCALING}{matrix}:out_range=full")
    else:
        if info.pixel_format == "yuv420p" and info.color_range != "pc":
            # Made small first and coloured then, as most files allow: at once takes ffmpeg's slowest way.
            filters += [f"scale={width_px}:{height_px}:flags=area", "format=yuv444p"]
        filters.append(f"scale={width_px}:{height_px}:{QUICK_SCALING}{matrix}:out_range=full")
    filters.append("format=bgr24")
    filters.append(_steady_times(info, is_seeked=is_seeked))
    # The time grid starts at zero, so that frame numbers mean the same after a seek.
    filters.append(f"fps={info.frame_rate}:start_time=0")
    if skip_frames:
        filters.append(f"trim=start_frame={skip_frames}")
    return ",".join(filters)


def _steady_times(info: VideoInfo, *, is_seeked: bool) -> str:
    """Times from the first frame (or the seek point) on, without the jumps of damaged time stamps.

    A jump back, or one of more than LONGEST_STILL_S beyond the file's own duration, counts as one frame: else
    a single wrong bit makes hours of repeated frames.
    """
    first = "PTS" if is_seeked else "0"
    is_still = f"lte(ld(0),{LONGEST_STILL_S}/TB)+lte(T,{info.duration_s or 0:.3f})"
    step = f"if(gte(ld(0),0)*({is_still}),ld(0),{1 / info.frame_rate}/TB)"
    return f"setpts='if(isnan(PREV_INPTS),{first},st(0,PTS-PREV_INPTS)*0+PREV_OUTPTS+{step})'"


def _matrix(info: VideoInfo) -> str:
    """As players do: what the file says, else BT.709 from 720 lines up and BT.601 below."""
    if info.matrix not in {"unknown", "reserved", "gbr"}:
        return "auto"
    return "bt709" if info.height_px >= 720 else "bt601"


def _tone_mapping(info: VideoInfo) -> list[str]:
    """PQ or HLG to BT.709: linear light with SDR white at 1, highlights above it rolled off."""
    matrix = "2020_ncl" if info.matrix in {"unknown", "reserved"} else "input"
    size_range = "full" if info.color_range == "pc" else "limited"
    return [
        f"zscale=tin={info.transfer}:min={matrix}:pin=2020:rin={size_range}:t=linear:npl={REFERENCE_WHITE_NITS}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=mobius:param=0.7:desat=0",
        "zscale=t=bt709:m=bt709:r=full",
        "format=gbrp",
    ]
