"""Bootstrap: everything measured again on rows drawn with replacement, in pieces that bound the memory."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from classifiers.evaluation.rows import Floats

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 1000
_PIECE: Final = 1 << 20
_MOST_UNDEFINED: Final = (1 - CONFIDENCE) / 2


def weights_of(weight: Floats, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Pieces (r, n) of how much each row counts: first once as it is, then in each resample."""
    n = len(weight)
    draw = np.random.default_rng(seed)
    yield weight[None, :]
    left, most = resamples, max(1, _PIECE // max(n, 1))
    while left > 0:
        size = min(left, most)
        counts = [np.bincount(draw.integers(0, n, n), minlength=n) for _ in range(size)]
        yield np.array(counts) * weight
        left -= size


def interval(samples: Floats) -> list[float] | None:
    """The 95 % percentile interval of resampled values; None where too many of them are undefined (nan)."""
    if len(samples) == 0 or float(np.isnan(samples).mean()) > _MOST_UNDEFINED:
        return None
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(samples, [tail, 100 - tail])
    return [float(low), float(high)]
