"""From outcomes to a certificate: the highest threshold whose walk from all-large never failed."""

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from policies.certificate.labels import labels_needed
from policies.certificate.rows import Rows, check_share, corrected_rows, correction_at, rows_of
from policies.certificate.walk import walk

Column = npt.ArrayLike
"""One number a row."""

METHOD: Final = "fixed-sequence walk, worst-row bound"
METHOD_WEIGHTED: Final = f"{METHOD}, self-normalised weights"
METHOD_CORRECTED: Final = f"{METHOD}, judge corrected by hand scores"


class Moment(Protocol):
    """A date and time; policies have no clock, so it comes from the caller."""

    def isoformat(self) -> str:
        """ISO 8601."""
        ...


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a threshold keeps a quality floor, with which confidence, and what that was made on.

    Attributes:
        threshold: difficulty at and above which a query goes to large; `None` where nothing can be certified,
            not even one small answer, so that all goes to large.
        lower_bound: lower confidence bound of routed quality as a share of always-large quality, of this
            threshold and all lower ones: at least the floor. `None` without a threshold.
        large_share: of the rows at or above the threshold (of their weights, where rows have some); 1 without
            a threshold.
        n: rows it was made on.
        labels_needed: more labels until something could be certified, at the rates seen; 0 when certified,
            `None` where no number of them would do.
        method: the bound used.
        floor: share of always-large quality to keep, above 0 to 1.
        confidence: that the floor is kept, above 0 to 1.
        made_at: ISO 8601, or empty.
        source: what it was made on, in the caller's words.
        provisional: rests on a judge's scores alone.
        correction: of a threshold on a judge's scores that hand scores correct: the mean over the rows with
            both of z by hand less z by the judge, z = lost · 1[difficulty < threshold] - (1 - floor) · large.
            To be added to each z that the same judge gives later. -1 to 1, and 0 where nothing was corrected.
    """

    threshold: float | None
    lower_bound: float | None
    large_share: float
    n: int
    labels_needed: int | None
    method: str
    floor: float
    confidence: float
    made_at: str
    source: str
    provisional: bool
    correction: float = 0.0


def certify(
    difficulty: Column,
    small_score: Column,
    large_score: Column,
    *,
    floor: float,
    confidence: float,
    weights: Column | None = None,
    heaviest_weight: float | None = None,
    seed: int = 0,  # noqa: ARG001 - part of the call; this bound draws nothing, another one might
    now: Moment | str | None = None,
    source: str = "",
    provisional: bool = False,
) -> Certificate:
    """The highest threshold t (least cost) at which "difficulty >= t goes to large" keeps the floor.

    With the stated confidence, the mean routed score is at least `floor` times the mean large score, over
    the traffic that the rows were drawn from at random. The order of the rows means nothing, and a higher
    floor or confidence never gives a higher threshold.

    Args:
        difficulty: (n,) 0-1, effective: 1 for an unfamiliar row, which goes to large whatever the threshold.
            Of a classifier that has not learned from these rows.
        small_score: (n,) 0-1.
        large_score: (n,) 0-1.
        floor: above 0 to 1.
        confidence: above 0 to 1; below one half it counts as one half.
        weights: (n,) above 0, one over the probability with which each row was drawn, up to a common factor;
            estimates are self-normalised (sums of weights stand for the unknown number of queries).
        heaviest_weight: the largest weight that a row could have had, in the same units: one over the least
            probability there was. Without it the heaviest row that was drawn stands for it, which is only
            right if each kind of query was all but sure to be drawn. Less than the heaviest drawn counts as
            that one.
        seed: for bounds that draw; this one does not.
        now: when it is made.
        source: what it is made on.
        provisional: the scores are a judge's, which nobody has checked.

    Raises:
        ValueError: numbers out of range, not finite, or columns of different lengths; it names the row. Or
            `heaviest_weight` without `weights`.
    """
    _check_asked(floor, confidence)
    rows = rows_of(difficulty, small_score, large_score, weights, heaviest_weight)
    asked = _Asked(floor, confidence, _moment(now), source, provisional=provisional)
    return _certificate(rows, asked, METHOD if weights is None else METHOD_WEIGHTED, None)


def certify_corrected(
    difficulty: Column,
    judged_small: Column,
    judged_large: Column,
    hand_small: Column,
    hand_large: Column,
    *,
    floor: float,
    confidence: float,
    weights: Column | None = None,
    heaviest_weight: float | None = None,
    now: Moment | str | None = None,
    source: str = "",
) -> Certificate:
    """As `certify`, of scores by a judge that a hand-scored sample corrects (PPI, arXiv 2301.09633).

    Valid however wrong the judge is, if the hand-scored rows were drawn at random: the better the judge, the
    less it costs. `labels_needed` counts hand scores.

    Args:
        difficulty: (n,) 0-1, effective.
        judged_small: (n,) 0-1, the judge's scores of the small answers.
        judged_large: (n,) 0-1, of the large answers.
        hand_small: (n,) 0-1, NaN where nobody scored the row by hand.
        hand_large: (n,) 0-1, NaN in the same rows.
        floor: above 0 to 1.
        confidence: above 0 to 1.
        weights: (n,) above 0, as in `certify`.
        heaviest_weight: as in `certify`.
        now: when it is made.
        source: what it is made on.

    Raises:
        ValueError: as `certify`, or one of a row's two hand scores is missing.
    """
    _check_asked(floor, confidence)
    judged, hand = (judged_small, judged_large), (hand_small, hand_large)
    rows, scored = corrected_rows(difficulty, judged, hand, weights, heaviest_weight)
    asked = _Asked(floor, confidence, _moment(now), source, provisional=False)
    made = _certificate(rows, asked, METHOD_CORRECTED, scored)
    if made.threshold is None:
        return made
    at = (made.threshold, floor)
    return replace(made, correction=correction_at(at, difficulty, judged, hand, weights))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a certificate repeats of its order."""

    floor: float
    confidence: float
    made_at: str
    source: str
    provisional: bool


def _certificate(rows: Rows, asked: _Asked, method: str, scored: int | None) -> Certificate:
    taken = walk(rows, confidence=asked.confidence, corrected=scored)
    passed = int(np.searchsorted(-taken.vouched, -asked.floor, side="right"))
    threshold = lower_bound = None
    large_share, needed = 1.0, 0 if passed else _needed(rows, asked, scored)
    if passed:
        threshold = float(taken.threshold[passed - 1])
        lower_bound = float(taken.vouched[passed - 1])
        large_share = float(rows.weight[taken.small_rows[passed - 1] :].sum() / rows.weight.sum())
    return Certificate(
        threshold=threshold,
        lower_bound=lower_bound,
        large_share=large_share,
        n=len(rows),
        labels_needed=needed,
        method=method,
        floor=asked.floor,
        confidence=asked.confidence,
        made_at=asked.made_at,
        source=asked.source,
        provisional=asked.provisional,
    )


def _needed(rows: Rows, asked: _Asked, scored: int | None) -> int | None:
    return labels_needed(rows, floor=asked.floor, confidence=asked.confidence, scored=scored)


def _check_asked(floor: float, confidence: float) -> None:
    check_share("floor", floor)
    check_share("confidence", confidence)


def _moment(now: Moment | str | None) -> str:
    if now is None or isinstance(now, str):
        return now or ""
    return now.isoformat()
