"""Measures with their intervals, as plain values for JSON; unknown is None with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from classifiers.apgr import NO_GAP
from classifiers.evaluation.resamples import RESAMPLES, interval
from classifiers.evaluation.rows import Contender, Floats, Judged, in_one_order
from classifiers.evaluation.samples import (
    CPT,
    QUALITY_KEPT,
    SHARE_AT_95,
    Samples,
    money_samples,
    rank_samples,
)

RANKING: Final = ("apgr", *CPT, SHARE_AT_95)
ROUTING: Final = (
    "large_share",
    "quality",
    "quality_of_large",
    "false_cheap_rate",
    "false_cheap_of_small",
    "unnecessary_large_rate",
    "unnecessary_large_of_large",
    "cost_per_1k_usd",
)
COMPARED: Final = ("apgr", SHARE_AT_95, "quality", "large_share")
NO_RANKING: Final = "it answers all alike, so it ranks nothing"
NO_ROWS: Final = "there are no rows"
NO_RANGE: Final = "large costs no more than small on these rows"
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender on the rows, and the samples that differences from others are drawn from."""

    name: str
    rows: int
    samples: Samples = field(repr=False)
    money: Samples = field(default_factory=dict, repr=False)
    priced_rows: int = 0

    def point(self, measure: str) -> float | None:
        """Its value on the rows; None where it is undefined or not measured."""
        return _point(self.samples.get(measure))

    def interval(self, measure: str) -> list[float] | None:
        """Its 95 % bootstrap interval."""
        return _interval(self.samples.get(measure))

    @property
    def reason(self) -> str:
        """Why its ranking has no APGR; "" where it has one."""
        if self.rows == 0:
            return NO_ROWS
        if "apgr" not in self.samples:
            return NO_RANKING
        return NO_GAP if self.point("apgr") is None else ""

    def as_json(self) -> dict[str, Any]:
        """Everything, by the names of the issue: plain numbers, intervals beside them."""
        shown: dict[str, Any] = {"n": self.rows, "small": self.point("small"), "large": self.point("large")}
        shown |= {name: self.point(name) for name in RANKING}
        intervals = {name: self.interval(name) for name in ("small", "large", *RANKING)}
        shown |= {"intervals": intervals, "reason": self.reason}
        shown["routed"] = {name: _with_interval(self.samples.get(name)) for name in ROUTING}
        return shown | (self._money() if self.money else {})

    def _money(self) -> dict[str, Any]:
        axis = "usd" if self.priced_rows else "large_share"
        rows = self.priced_rows or self.rows
        aiq: dict[str, Any] = {"axis": axis, "n": rows}
        for name, key in (("value", "aiq"), ("no_router", "aiq_no_router"), ("gain", "aiq_gain")):
            aiq[name] = _point(self.money[key])
        aiq["intervals"] = {
            "value": _interval(self.money["aiq"]),
            "no_router": _interval(self.money["aiq_no_router"]),
            "gain": _interval(self.money["aiq_gain"]),
        }
        aiq["reason"] = NO_RANGE if aiq["value"] is None else ""
        shown: dict[str, Any] = {"aiq": aiq}
        if self.priced_rows:
            shown["cost_at_equal_quality"] = [
                {
                    "quality_of_large": kept,
                    "n": rows,
                    "cost_per_1k_usd": _with_interval(self.money[f"cost_per_1k_usd_at_{kept:g}"]),
                    "saved_of_always_large": _with_interval(self.money[f"saved_at_{kept:g}"]),
                }
                for kept in QUALITY_KEPT
            ]
        return shown


def measure(
    rows: Judged,
    contenders: Sequence[Contender],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    money: bool = True,
) -> list[Measured]:
    """Each contender on the same rows and the same resamples; in whatever order the rows come."""
    if len(rows) == 0:
        return [Measured(one.name, 0, {}) for one in contenders]
    order = in_one_order(rows, contenders)
    rows, contenders = rows.take(order), [one.take(order) for one in contenders]
    n, samples = len(rows), rank_samples(rows, contenders, resamples=resamples, seed=seed)
    if not money:
        return [Measured(one.name, n, found) for one, found in zip(contenders, samples, strict=True)]
    priced = rows.priced
    count = int(priced.sum())
    if count:
        rows, contenders = rows.take(priced), [one.take(priced) for one in contenders]
    costs = money_samples(rows, contenders, resamples=resamples, seed=seed)
    return [
        Measured(one.name, n, found, cost, count)
        for one, found, cost in zip(contenders, samples, costs, strict=True)
    ]


def difference(one: Measured, other: Measured, measures: Sequence[str] = COMPARED) -> dict[str, Any]:
    """`one` minus `other`, measure by measure, with the interval of the paired difference."""
    shown: dict[str, Any] = {"of": one.name, "minus": other.name}
    for name in measures:
        ours, theirs = one.samples.get(name), other.samples.get(name)
        shown[name] = None if ours is None or theirs is None else _with_interval(ours - theirs)
    return shown


def rounded(value: Any) -> Any:
    """The same with every number rounded to what is worth printing."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _with_interval(samples: Floats | None) -> dict[str, Any]:
    return {"value": _point(samples), "interval": _interval(samples)}


def _point(samples: Floats | None) -> float | None:
    if samples is None or len(samples) == 0 or np.isnan(samples[0]):
        return None
    return float(samples[0])


def _interval(samples: Floats | None) -> list[float] | None:
    return None if samples is None or _point(samples) is None else interval(samples[1:])
