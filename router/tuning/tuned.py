"""What tuning came to: the frontier, the threshold that meets the aim, and what is proven of it."""

from dataclasses import asdict, dataclass
from typing import Any

from classifiers.errors import OutcomeError
from policies import Tier
from policies.certificate import Certificate, certify, certify_corrected
from policies.tuning import (
    BudgetPlan,
    Estimate,
    Frontier,
    Point,
    Valued,
    WorthPlan,
    by_worth,
    frontier,
    measure,
    within_budget,
)
from router.routes.certificate import CertificateInForce
from router.tuning.aim import Aim, BudgetAim, FloorAim, ValueAim
from router.tuning.rows import TuningRows


@dataclass(frozen=True, slots=True)
class Tuned:
    """An answer to an aim.

    Attributes:
        point: at the threshold found, or by the rule of worth; where no threshold meets the aim, what is then
            in force or as near to it as thresholds come: all to large for a floor, the cheapest for a budget.
        threshold: `None` where none meets the aim, and for a worth, which has none.
        proof: what was tried to prove, of a floor.
    """

    rows: TuningRows
    aim: Aim
    frontier: Frontier
    point: Point
    threshold: float | None
    proof: Certificate | None = None
    budget: BudgetPlan | None = None
    worth: WorthPlan | None = None

    @property
    def certified(self) -> bool:
        """Whether a floor is proven to be kept."""
        return self.proof is not None and self.proof.threshold is not None

    @property
    def provisional(self) -> bool:
        """Whether a judge's scores alone say so."""
        return self.proof is not None and self.proof.provisional

    def certificate(self, small: str, large: str, answers: str = "") -> CertificateInForce | None:
        """What was proven, for a pair of models by these names; `None` where nothing was.

        Args:
            small: name of the small model.
            large: name of the large model.
            answers: of the route it is for, see `catalog.Route`; '' for none.
        """
        proof = self.proof
        if proof is None or proof.threshold is None or proof.lower_bound is None:
            return None
        return CertificateInForce(
            threshold=proof.threshold,
            floor=proof.floor,
            confidence=proof.confidence,
            lower_bound=proof.lower_bound,
            large_share=proof.large_share,
            n=proof.n,
            method=proof.method,
            made_at=proof.made_at,
            source=proof.source,
            provisional=self.provisional,
            classifier=self.rows.classifier,
            small=small,
            large=large,
            answers=answers,
            correction=proof.correction,
            judged_by=self.rows.judged_by,
        )

    def as_json(self, certificate: CertificateInForce | None) -> dict[str, Any]:
        """Everything, with the certificate as it is for one pair of models, if it is for one."""
        rows, proof, point = self.rows, self.proof, self.point
        return {
            "aim": _AIMS[type(self.aim)],
            "classifier": rows.classifier,
            "threshold": self.threshold,
            "certified": self.certified,
            "lower_bound": proof.lower_bound if proof else None,
            "large_share": point.large_share,
            "cost_per_1k_usd": point.cost_per_1k_usd.value if point.cost_per_1k_usd else None,
            "savings": point.savings,
            "labels_needed": proof.labels_needed if proof else None,
            "quality": asdict(point.quality),
            "of_large": point.of_large,
            "cost_per_1k_usd_interval": _interval(point.cost_per_1k_usd),
            "best_single": _single(point.best_single, rows),
            "savings_on_best_single": point.savings_on_best_single,
            **{name: getattr(self.aim, name, None) for name in _AIMED},
            "method": proof.method if proof else None,
            "provisional": self.provisional,
            "certificate": certificate.as_json() if certificate else None,
            "n": len(rows.numbers),
            "priced": point.priced,
            "unfamiliar": rows.unfamiliar,
            "hand_scored": rows.hand.count if rows.hand else 0,
            "dropped": asdict(rows.dropped),
            "bad_rows": {"count": rows.bad_rows, "first": rows.bad_summary},
            "notes": rows.notes,
            "source": rows.source,
            "models": [{"small": small, "large": large} for small, large in rows.models],
            "budget": _budget(self.budget),
            "worth": _worth(self.worth),
            "frontier": [_point(one) for one in self.frontier.points],
            "always_small": _point(self.frontier.always_small),
            "always_large": _point(self.frontier.always_large),
        }


_AIMS = {FloorAim: "floor", BudgetAim: "budget", ValueAim: "value"}
_AIMED = ("floor", "confidence", "monthly_usd", "requests", "value_usd")


def tune(rows: TuningRows, aim: Aim, *, seed: int, now: str) -> Tuned:
    """Answers an aim from the rows.

    Args:
        rows: what a classifier may be tuned on.
        aim: what is wanted.
        seed: of what draws, if the bound of a certificate does.
        now: when it is made, ISO 8601.

    Raises:
        OutcomeError: the aim is about money, and the rows' costs are not known.
    """
    if isinstance(aim, FloorAim):
        return _for_floor(rows, aim, seed, now)
    priced = int(rows.numbers.priced.sum())
    if priced < 2:
        raise OutcomeError(
            f"the outcomes name both costs (cost_usd) on {priced} of {len(rows.numbers):,} rows, so what a "
            "threshold costs is unknown; with --floor it can be tuned without"
        )
    return _for_budget(rows, aim) if isinstance(aim, BudgetAim) else _for_value(rows, aim)


def _for_floor(rows: TuningRows, aim: FloorAim, seed: int, now: str) -> Tuned:
    proof = _proof(rows, aim, seed, now)
    shown = frontier(rows.numbers, also=[] if proof.threshold is None else [proof.threshold])
    in_force = shown.always_large
    if proof.threshold is not None:
        in_force = measure(rows.numbers, rows.numbers.to_large(proof.threshold), proof.threshold)
    return Tuned(rows, aim, shown, in_force, proof.threshold, proof=proof)


def _proof(rows: TuningRows, aim: FloorAim, seed: int, now: str) -> Certificate:
    numbers = rows.numbers
    weights = None if (numbers.weight == 1).all() else numbers.weight
    if rows.hand is None:
        return certify(
            numbers.difficulty,
            numbers.small_score,
            numbers.large_score,
            floor=aim.floor,
            confidence=aim.confidence,
            weights=weights,
            seed=seed,
            now=now,
            source=rows.source,
            provisional=rows.judge_alone,
        )
    return certify_corrected(
        numbers.difficulty,
        numbers.small_score,
        numbers.large_score,
        rows.hand.small,
        rows.hand.large,
        floor=aim.floor,
        confidence=aim.confidence,
        weights=weights,
        now=now,
        source=rows.source,
    )


def _for_budget(rows: TuningRows, aim: BudgetAim) -> Tuned:
    plan = within_budget(
        rows.numbers, monthly_usd=aim.monthly_usd, requests=aim.requests, confidence=aim.confidence
    )
    threshold = plan.point.threshold if plan.point else None
    shown = frontier(rows.numbers, also=[] if threshold is None else [threshold])
    return Tuned(rows, aim, shown, plan.point or shown.points[-1], threshold, budget=plan)


def _for_value(rows: TuningRows, aim: ValueAim) -> Tuned:
    plan = by_worth(rows.numbers, aim.value_usd)
    return Tuned(rows, aim, frontier(rows.numbers), plan.rule.point, None, worth=plan)


def _interval(estimate: Estimate | None) -> list[float | None] | None:
    return None if estimate is None else [estimate.low, estimate.high]


def _point(point: Point) -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "large_share": point.large_share,
        "quality": asdict(point.quality),
        "of_large": point.of_large,
        "cost_per_1k_usd": point.cost_per_1k_usd.value if point.cost_per_1k_usd else None,
        "cost_per_1k_usd_interval": _interval(point.cost_per_1k_usd),
        "savings": point.savings,
        "best_single": point.best_single,
        "savings_on_best_single": point.savings_on_best_single,
    }


def _single(tier: Tier | None, rows: TuningRows) -> dict[str, Any] | None:
    if tier is None:
        return None
    names = {pair[tier is Tier.LARGE] for pair in rows.models}
    return {"tier": tier, "model": names.pop() or None if len(names) == 1 else None}


def _budget(plan: BudgetPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {"month_usd": plan.month_usd, "month_at_most_usd": plan.month_at_most_usd, "priced": plan.priced}


def _worth(plan: WorthPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    each = {"rule": plan.rule, "best_fixed": plan.fixed}
    each |= {"always_small": plan.always_small, "always_large": plan.always_large}
    return {"priced": plan.priced, **{name: _valued(one) for name, one in each.items()}}


def _valued(valued: Valued) -> dict[str, Any]:
    return {**_point(valued.point), "net_usd_per_1k": valued.net_usd_per_1k}
