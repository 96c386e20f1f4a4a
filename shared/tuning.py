"""Settings of the process that make frames cheap."""

from __future__ import annotations

import os

import numpy as np

LARGEST_KEPT_BYTES = 31 << 20


def share_cores(cores: int | None = None) -> None:
    """The network runs on all cores (None) or so many; OpenCV on half of them keeps the two from fighting."""
    import cv2

    cv2.setNumThreads(max(1, (cores or os.cpu_count() or 2) // 2))


def keep_freed_memory() -> None:
    """Lets glibc keep what a frame's arrays need, instead of giving it back and fetching it again.

    glibc raises its thresholds for that, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, when a block of up to 32 MiB
    is freed (mallopt(3)). Elsewhere it does nothing.
    """
    np.empty(LARGEST_KEPT_BYTES, np.uint8)
