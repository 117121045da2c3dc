"""The rankings that training chooses among, each a blend of channel outputs and the prior, simplest first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from classifiers.apgr import Apgr, apgr, apgr_difference
from classifiers.blend import NEVER, Blend, Judged
from classifiers.folds import Folds

Floats = npt.NDArray[np.float64]
Outputs = dict[str, Floats]

PRIOR: Final = "prior"
LEAVING_EARLIER: Final = 2.0
"""Standard errors by which something learned must be better than an earlier artifact; else it is one."""

SINGLE: Final[dict[str, dict[str, float]]] = {
    "length_and_form": {"form": 1.0},
    "gap": {"gap": 1.0},
    "small_fails": {"small_ok": -1.0},
    "two_heads": {"large_ok": 1.0, "small_ok": -1.0},
    "leaning_heads": {"large_ok": 1.0, "small_ok": -1.25},
}
"""`leaning_heads` leans from the gap towards P(small fails), which carries over to other models better."""
WITH_PRIOR: Final = ("prior_and_heads", "prior_in_stack")
"""Those in which an earlier artifact goes on speaking, and which therefore carry it along."""
ORDER: Final = (PRIOR, *SINGLE, "average", "stack", *WITH_PRIOR)
"""Simplest first: a later one must be better than an earlier one by more than one (paired) error."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What candidates are judged on: n rows, each by a fit that did not learn from it.

    `known_share` (n,) is the share of words and pairs that the fit knew; `free` (n,)
    marks free text. `earlier` (n,) is the raw
    score of an earlier artifact that did not learn from the row either; None where there is none.
    """

    outputs: Outputs
    known_share: Floats
    free: npt.NDArray[np.bool_]
    earlier: Floats | None
    small: Floats
    large: Floats
    folds: Folds

    @property
    def hand(self) -> Floats:
        """The hand-set score."""
        return self.outputs["hand"]

    def by(self, prior: Floats) -> Judged:
        """These rows with one prior's raw scores."""
        return Judged(self.outputs, self.known_share, self.free, prior)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ranking: its blend, its raw scores out of fold, and how good they are.

    `carries_earlier`: the prior of its blend is the earlier artifact, else the hand-set score.
    """

    name: str
    blend: Blend
    carries_earlier: bool
    raw: Floats
    apgr: Apgr

    def raw_of(self, rows: Rows) -> Floats:
        """Raw scores of other rows by the same blend."""
        earlier = rows.earlier if self.carries_earlier and rows.earlier is not None else rows.hand
        return self.blend.raw(rows.by(earlier))


def candidates(rows: Rows, trust: tuple[float, float], steady_free: float) -> list[Candidate]:
    """Every ranking, judged on the same rows.

    `steady_free` is how much of the hand-set score speaks in all free text, in standard deviations of the
    learned part.
    """
    by_hand = _Maker(rows, rows.hand, trust, steady_free=steady_free)
    found = [by_hand.judged(name, by_hand.blend(weights)) for name, weights in SINGLE.items()]
    found.append(by_hand.judged("average", by_hand.combined(by_hand.equal)))
    found.append(by_hand.stack("stack"))
    if rows.earlier is None:
        return [by_hand.judged(PRIOR, by_hand.alone()), *found]
    from_earlier = _Maker(rows, rows.earlier, trust, steady=1.0)
    heads, stack = WITH_PRIOR
    return [
        from_earlier.judged(PRIOR, from_earlier.alone()),
        *found,
        from_earlier.judged(heads, from_earlier.blend(SINGLE["two_heads"])),
        replace(from_earlier, steady=0.0).stack(stack),
    ]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes blends of one prior, (n,) its raw scores."""

    rows: Rows
    prior: Floats
    trust: tuple[float, float]
    steady: float = 0.0
    steady_free: float = 0.0

    @property
    def equal(self) -> Floats:
        """The same share for each single."""
        return np.array([1.0 / len(SINGLE)] * len(SINGLE) + [0.0])

    def alone(self) -> Blend:
        """The prior and nothing learned."""
        centre, scale = _scale(self.prior)
        return Blend(
            {},
            trust_from=NEVER[0],
            trust_full=NEVER[1],
            prior_offset=-centre / scale,
            prior_scale=1.0 / scale,
        )

    def blend(self, weights: dict[str, float]) -> Blend:
        """The learned part around 0, and the prior with its spread."""
        bare = Blend(
            weights,
            trust_from=self.trust[0],
            trust_full=self.trust[1],
            steady=self.steady,
            steady_free=self.steady_free,
        )
        centre, spread = _scale(bare.learned(self.rows.outputs))
        prior_centre, prior_spread = _scale(self.prior)
        scale = spread / prior_spread
        return replace(bare, offset=-centre, prior_offset=-prior_centre * scale, prior_scale=scale)

    def combined(self, shares: Floats) -> Blend:
        """Σ share · standardised single; the last share is the prior's, which then speaks everywhere."""
        total: dict[str, float] = {}
        for weights, share in zip(SINGLE.values(), shares.tolist(), strict=False):
            scale = _scale(Blend(weights).learned(self.rows.outputs))[1]
            for channel, weight in weights.items():
                total[channel] = total.get(channel, 0.0) + share * weight / scale
        learned = {channel: weight for channel, weight in total.items() if weight != 0.0}
        if not learned:
            return self.alone()
        blend = self.blend(learned)
        spread = _scale(blend.learned(self.rows.outputs))[1]
        return replace(blend, steady=self.steady + float(shares[-1]) / spread)

    def stack(self, name: str) -> Candidate:
        """Shares by non-negative least squares, judged by shares that did not see the fold."""
        singles = [_standard(Blend(weights).learned(self.rows.outputs)) for weights in SINGLE.values()]
        columns = np.stack([*singles, _standard(self.prior)], axis=1)
        gap, fold = self.rows.large - self.rows.small, self.rows.folds.fold
        stacked = np.zeros(len(gap))
        for number in np.unique(fold):
            judged = fold == number
            raw = self._raw(self.combined(_shares(columns[~judged], gap[~judged])))
            stacked[judged] = _standard(raw)[
                judged
            ]  # else folds, each with shares of its own, would not compare
        blend = self.combined(_shares(columns, gap))
        return Candidate(name, blend, self._carries, stacked, apgr(stacked, self.rows.small, self.rows.large))

    def judged(self, name: str, blend: Blend) -> Candidate:
        """How good a blend is."""
        raw = self._raw(blend)
        return Candidate(name, blend, self._carries, raw, apgr(raw, self.rows.small, self.rows.large))

    def _raw(self, blend: Blend) -> Floats:
        return blend.raw(self.rows.by(self.prior))

    @property
    def _carries(self) -> bool:
        return self.prior is self.rows.earlier


def _scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation; 1 where nothing varies."""
    return float(values.mean()), float(values.std()) or 1.0


def _standard(values: Floats) -> Floats:
    centre, scale = _scale(values)
    return (values - centre) / scale


def _shares(columns: Floats, gap: Floats) -> Floats:
    """Non-negative least squares of the gap on centred columns, adding up to 1; equal where none helps."""
    shares: Floats = nnls(columns - columns.mean(axis=0), gap - gap.mean())[0]
    total = float(shares.sum())
    return shares / total if total > 0 else np.full(columns.shape[1], 1.0 / columns.shape[1])


def choose(found: Iterable[Candidate], small: Floats, large: Floats) -> tuple[Candidate, str]:
    """The simplest candidate within one (paired) standard error of the best, and the reason in words."""
    ordered = sorted(found, key=lambda one: ORDER.index(one.name))
    if any(one.apgr.value is None for one in ordered):
        simplest = ordered[0]
        return simplest, f"{simplest.name}: {simplest.apgr.reason}"
    best = max(ordered, key=lambda one: one.apgr.value or 0.0)
    for one in ordered:
        behind, error = apgr_difference(best.raw, one.raw, small, large)
        if one is best:
            return one, f"{one.name} ranks best out of fold"
        if behind <= (LEAVING_EARLIER if one.carries_earlier and one.name == PRIOR else 1.0) * error:
            return one, f"{one.name} is simpler than {best.name} and not clearly behind it"
    return best, f"{best.name} ranks best out of fold"
