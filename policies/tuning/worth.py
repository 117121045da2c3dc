"""What a good answer is worth: the economist's rule, query by query, beside the best fixed threshold."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from policies.tuning.frontier import splits
from policies.tuning.outcomes import Floats, Mask, Outcomes
from policies.tuning.point import Point, measure

DEAREST_ANSWER_USD: Final = 1_000_000
"""What no answer is worth more than: the most that a route's `value_usd` may be."""
_NANO_PER_USD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Valued:
    """A way of choosing, and what it is worth.

    Attributes:
        net_usd_per_1k: what 1,000 answers are worth less what they cost: 1,000 · (value · quality - cost).
    """

    point: Point
    net_usd_per_1k: float


@dataclass(frozen=True, slots=True)
class WorthPlan:
    """The rule and what it competes with, all on the rows of which both costs are known.

    Attributes:
        rule: large where difficulty x value >= what large costs more for this very query.
        fixed: the threshold of highest net worth on these very rows, which flatters it a little.
    """

    rule: Valued
    fixed: Valued
    always_small: Valued
    always_large: Valued
    priced: int


def by_worth(outcomes: Outcomes, value_usd: float) -> WorthPlan:
    """Tries the rule on recorded costs, in the whole nano-dollars that a route decides in.

    Args:
        outcomes: n rows.
        value_usd: what a good answer (score 1) is worth, dollars above 0 up to `DEAREST_ANSWER_USD`.

    Raises:
        ValueError: no such value, or no row's costs are both known.
    """
    if not 0 < value_usd <= DEAREST_ANSWER_USD:
        raise ValueError(
            f"value_usd is {value_usd!r}; it should be dollars above 0, up to {DEAREST_ANSWER_USD:,}"
        )
    if not outcomes.priced.any():
        raise ValueError("no row's costs are both known")
    priced = outcomes.only(outcomes.priced)
    nobody: Mask = np.zeros(len(priced), dtype=np.bool_)
    return WorthPlan(
        rule=_valued(priced, _worth_it(priced, value_usd), value_usd),
        fixed=_best_fixed(priced, value_usd),
        always_small=_valued(priced, nobody, value_usd),
        always_large=_valued(priced, ~nobody, value_usd),
        priced=len(priced),
    )


def _worth_it(priced: Outcomes, value_usd: float) -> Mask:
    """As `policies.choose` does, bit for bit: in nano-dollars, and what is unfamiliar is large."""
    answer_nano = round(value_usd * _NANO_PER_USD)
    extra_nano = _nano(priced.large_cost_usd) - _nano(priced.small_cost_usd)
    chosen: Mask = ~priced.familiar | (priced.difficulty * answer_nano >= extra_nano)
    return chosen


def _nano(usd: Floats) -> Floats:
    return np.rint(usd * _NANO_PER_USD)


def _best_fixed(priced: Outcomes, value_usd: float) -> Valued:
    """Of all splits of the rows; the lowest of several that are worth the same."""
    gain = value_usd * (priced.small_score - priced.large_score)
    gain += priced.large_cost_usd - priced.small_cost_usd
    candidates = splits(priced, len(priced) + 1)
    order = np.argsort(priced.difficulty, kind="stable")
    moved = np.concatenate(([0.0], np.cumsum((gain * priced.weight)[order])))
    small_rows = np.searchsorted(priced.difficulty[order], candidates, side="left")
    best = candidates[int(np.argmax(moved[small_rows]))]
    return _valued(priced, priced.to_large(best), value_usd, best)


def _valued(priced: Outcomes, to_large: Mask, value_usd: float, threshold: float | None = None) -> Valued:
    point = measure(priced, to_large, threshold)
    worth = value_usd * priced.scores(to_large) - priced.costs_usd(to_large)
    return Valued(point, float(np.average(worth, weights=priced.weight)) * 1_000)
