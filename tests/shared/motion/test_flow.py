"""Flow is the same to the bit wherever the memory lies: the cluster and --resume need it."""

from __future__ import annotations

import numpy as np

from shared.motion import flow


def test_a_field_has_the_same_lengths_to_the_bit() -> None:
    """cv2.magnitude (IPP's) rounds some pixels otherwise at another address of the planes."""
    rng = np.random.default_rng(3)
    field = rng.normal(0, 2, (192, 256, 2)).astype(np.float32)
    kept, found = [], set()
    for size in rng.integers(1, 400_000, 400):
        kept.append(np.empty(size, np.uint8))
        found.add(flow._length(field).tobytes())
        kept = kept[-20:]
    assert len(found) == 1
    np.testing.assert_allclose(flow._length(field), np.hypot(field[..., 0], field[..., 1]), rtol=1e-6)
