"""The depth thread: which frames it infers when the user has frames skipped."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from live.__main__ import build_parser, to_config
from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.depth import DepthLoop
from live.frame import Frame
from live.stats import Stats
from shared import DEFAULT_STEADY, DepthMap, FrameBGR
from shared.handoff import Closed, LatestSlot
from shared.predictor import DepthPredictor
from tests.conftest import BrightnessPredictor
from tests.shared.motion.test_steady import OTHER_BGR, STILL_BGR


class Noting(BrightnessPredictor):
    """Notes which pictures it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[FrameBGR] = []

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        self.asked.append(frame_bgr)
        return super().predict(frame_bgr)


class EveryFrame(LatestSlot[Frame]):
    """A source that waits for the depth thread, so that it sees each frame; then it ends."""

    def __init__(self, pictures: list[FrameBGR]) -> None:
        super().__init__()
        self._frames = iter(Frame(picture, i / 25, i) for i, picture in enumerate(pictures))

    def get(self, timeout_s: float | None = None) -> Frame | None:
        frame = next(self._frames, None)
        if frame is None:
            raise Closed
        return frame


def asked(pictures: list[FrameBGR], **changes: Any) -> list[FrameBGR]:
    predictor = Noting()
    config = LiveConfig(SourceSpec("camera", 0, "camera 0"), **changes)
    loop = DepthLoop(
        lambda: cast(DepthPredictor, predictor),
        EveryFrame(pictures),
        LatestSlot(),
        Controls(config),
        Stats(),
        steady=config.steady,
    )
    with pytest.raises(Closed):
        loop.run(threading.Event())
    return predictor.asked


def test_each_nth_frame_is_inferred() -> None:
    pictures = [STILL_BGR.copy() for _ in range(9)]
    assert [id(picture) for picture in asked(pictures, every=4)] == [id(pictures[i]) for i in (0, 4, 8)]
    assert len(asked(pictures, every=1)) == 9


def test_a_cut_is_inferred_at_once_however_many_frames_are_skipped() -> None:
    pictures = [STILL_BGR, STILL_BGR, STILL_BGR, OTHER_BGR, OTHER_BGR]
    first, second = asked(pictures, every=30)
    assert first is STILL_BGR
    assert second is OTHER_BGR


@pytest.mark.parametrize(("arguments", "steady"), [([], DEFAULT_STEADY), (["--steady", "0.9"], 0.9)])
def test_how_steady_is_asked_for(arguments: list[str], steady: float) -> None:
    assert to_config(build_parser().parse_args(["0", *arguments])).steady == steady
