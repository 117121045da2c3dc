"""Upper bounds on E[z] that certificates could rest on, for comparison: each walks as `certify` does.

Rows come in order of difficulty. `lost` is the large score less the small one, c stands for 1 - floor, and
z = lost · 1[small chosen] - c · large, from -1 to floor. Each returns, for each step, whether it passes.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bound = Callable[["Sample", float, float], Flags]

RESAMPLES = 400
BLOCK = 64


class Sample:
    """A draw: `ends` are the numbers of rows below each step's threshold, `seed` is for bounds that draw."""

    def __init__(self, lost: Floats, large: Floats, ends: Numbers, seed: int) -> None:
        self.lost, self.large, self.ends, self.seed = lost, large, ends, seed

    def moments(self, floor: float) -> tuple[Floats, Floats]:
        """Mean and unbiased variance of z at each step."""
        share, count = 1.0 - floor, len(self.lost)

        def below(values: Floats) -> Floats:
            sums: Floats = np.cumsum(values)[self.ends - 1]
            return sums

        mean = (below(self.lost) - share * self.large.sum()) / count
        square = below(self.lost**2) - 2.0 * share * below(self.lost * self.large)
        square = (square + share**2 * float((self.large**2).sum())) / count
        return mean, np.maximum(square - mean**2, 0.0) * count / max(count - 1, 1)


def naive(sample: Sample, floor: float, _confidence: float) -> Flags:
    """No bound at all: the mean as it stands."""
    return sample.moments(floor)[0] <= 0.0


def student(sample: Sample, floor: float, confidence: float) -> Flags:
    """The mean plus t · s / √n."""
    mean, variance = sample.moments(floor)
    count = len(sample.lost)
    return mean + student_t.ppf(confidence, count - 1) * np.sqrt(variance / count) <= 0.0


def empirical_bernstein(sample: Sample, floor: float, confidence: float) -> Flags:
    """Maurer and Pontil, arXiv 0907.3740, theorem 4, for the range from -1 to the floor."""
    mean, variance = sample.moments(floor)
    count, log = len(sample.lost), math.log(2.0 / (1.0 - confidence))
    slack = np.sqrt(2.0 * variance * log / count) + 7.0 * (1.0 + floor) * log / (3.0 * (count - 1))
    return mean + slack <= 0.0


def betting(sample: Sample, floor: float, confidence: float) -> Flags:
    """Waudby-Smith and Ramdas, arXiv 2010.09686: capital Π (1 - λ z), λ set by the rows before.

    Rows are put in an order drawn from the seed, which must not hang on scores; bets as their
    section 3 for a known number of rows, at most half of what could be lost.
    """
    count, log = len(sample.lost), math.log(1.0 / (1.0 - confidence))
    order = np.random.default_rng(sample.seed).permutation(count)
    passed = np.zeros(len(sample.ends), dtype=bool)
    seen = np.arange(1, count + 1)
    for start in range(0, len(sample.ends), BLOCK):
        ends = sample.ends[start : start + BLOCK, None]
        z = (np.arange(count) < ends) * sample.lost - (1.0 - floor) * sample.large
        z = z[:, order]
        mean = np.cumsum(z, axis=1) / (seen + 1)
        variance = (0.25 + np.cumsum((z - mean) ** 2, axis=1)) / (seen + 1)
        before = np.concatenate((np.full((len(z), 1), 0.25), variance[:, :-1]), axis=1)
        bets = np.minimum(np.sqrt(2.0 * log / (before * count)), 0.5 / floor)
        capital = np.cumsum(np.log1p(-bets * z), axis=1).max(axis=1)
        passed[start : start + BLOCK] = capital >= log
        if not passed[start : start + BLOCK].all():
            break
    return passed


def bootstrap_t(sample: Sample, floor: float, confidence: float) -> Flags:
    """Student's bound with the quantile of resampled t statistics (Efron 1981)."""
    count, share = len(sample.lost), 1.0 - floor
    draws = np.random.default_rng(sample.seed)
    times = draws.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).astype(np.float64)
    z_large = -share * sample.large
    z_small = sample.lost + z_large
    at = sample.ends - 1

    def means(power: int) -> Floats:
        small = np.cumsum(times * z_small**power, axis=1)[:, at]
        large = np.cumsum(times * z_large**power, axis=1)
        sums: Floats = (small + large[:, -1:] - large[:, at]) / count
        return sums

    resampled = means(1)
    spread = np.sqrt(np.maximum(means(2) - resampled**2, 1e-12))
    mean, variance = sample.moments(floor)
    quantile = np.quantile((resampled - mean) / spread, 1.0 - confidence, axis=0)
    return mean - quantile * np.sqrt(variance) <= 0.0


OTHERS: dict[str, Bound] = {
    "empirical Bernstein": empirical_bernstein,
    "betting": betting,
    "bootstrap-t": bootstrap_t,
}
