"""What a replay comes to: routed quality and cost beside what other ways of choosing would have had. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from classifiers.apgr import apgr

SWEEP: Final = (0.0, 0.04, 0.06, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.18, 0.2, 0.25, 1.01)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One query after its replay; costs in nano-dollars, scores 0 to 1, as recorded.

    `cost_nano` and `score` are what came back through the service.
    """

    difficulty: float
    large: bool
    score: float
    cost_nano: int
    small_score: float
    large_score: float
    small_nano: int
    large_nano: int

    @property
    def recorded_nano(self) -> int:
        """What was recorded of the model that was chosen."""
        return self.large_nano if self.large else self.small_nano

    @property
    def recorded_score(self) -> float:
        """What was recorded of the model that was chosen."""
        return self.large_score if self.large else self.small_score


@dataclass(frozen=True, slots=True)
class Way:
    """A way of choosing: mean quality, mean cost in dollars a query, share sent to large."""

    name: str
    quality: float
    usd: float
    large_share: float


def ways(rows: Sequence[Replayed]) -> list[Way]:
    """Routed, always one tier, random at the routed share and at the routed cost (expectations), two oracles.

    "oracle" sends to large what large does better, and nothing else. "oracle, same share" fills the routed
    share with the widest gaps.
    """
    to_large = np.array([row.large for row in rows])
    small, large, small_usd, large_usd = _columns(rows)
    share = float(to_large.mean())
    widest = np.zeros(len(rows), dtype=bool)
    widest[np.argsort(small - large, kind="stable")[: int(to_large.sum())]] = True
    cost = float(np.mean([row.cost_nano for row in rows])) / 1e9

    def random(name: str, share: float) -> Way:
        usd = (1 - share) * float(small_usd.mean()) + share * float(large_usd.mean())
        return Way(name, (1 - share) * float(small.mean()) + share * float(large.mean()), usd, share)

    dearer = float(large_usd.mean() - small_usd.mean())
    bought = (cost - float(small_usd.mean())) / dearer if dearer > 0 else share
    return [
        Way("always small", float(small.mean()), float(small_usd.mean()), 0.0),
        random("random, same cost", min(max(bought, 0.0), 1.0)),
        random("random, same share", share),
        Way("routed", float(np.mean([row.score for row in rows])), cost, share),
        _way("oracle, same share", rows, widest),
        _way("oracle", rows, large > small),
        Way("always large", float(large.mean()), float(large_usd.mean()), 1.0),
    ]


def sweep(rows: Sequence[Replayed]) -> list[tuple[float, Way]]:
    """What other thresholds would have made of the same difficulties."""
    difficulty = np.array([row.difficulty for row in rows])
    return [(threshold, _way("", rows, difficulty >= threshold)) for threshold in SWEEP]


def ranking(rows: Sequence[Replayed]) -> str:
    """APGR of the difficulties that the service stated."""
    small, large, _, _ = _columns(rows)
    found = apgr(np.array([row.difficulty for row in rows]), small, large)
    if found.value is None or found.standard_error is None:
        return found.reason
    return f"{found.value:.3f} ± {found.standard_error:.3f}"


def against_random(rows: Sequence[Replayed]) -> tuple[float, float]:
    """Routed quality above random at the same share, and its standard error (share taken as given)."""
    to_large = np.array([row.large for row in rows])
    small, large, _, _ = _columns(rows)
    lead = (to_large - to_large.mean()) * (large - small)
    return float(lead.mean()), float(lead.std() / np.sqrt(len(rows)))


def _way(name: str, rows: Sequence[Replayed], to_large: np.ndarray) -> Way:
    small, large, small_usd, large_usd = _columns(rows)
    return Way(
        name,
        float(np.where(to_large, large, small).mean()),
        float(np.where(to_large, large_usd, small_usd).mean()),
        float(to_large.mean()),
    )


def _columns(rows: Sequence[Replayed]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([row.small_score for row in rows]),
        np.array([row.large_score for row in rows]),
        np.array([row.small_nano for row in rows]) / 1e9,
        np.array([row.large_nano for row in rows]) / 1e9,
    )
