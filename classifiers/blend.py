"""How a learned ranking and a prior become one raw score, the more of it the prior's the less is known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEVER: Final = (2.0, 3.0)
"""Bounds of trust that no share of known words reaches: the prior alone speaks."""


CHANNELS: Final = ("gap", "small_ok", "large_ok", "form", "hand")
"""What a blend is made of: see `heads`. `hand` is the fixed score of `prior`, fitted on nothing."""

_WIDEST: Final = 1e12


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows as a fit sees them.

    `outputs` are those of its channels, `known_share` (n,) is the share of words and pairs that it knew,
    `free` (n,) marks free text, `prior` (n,) is the raw score of the prior.
    """

    outputs: Mapping[str, Floats]
    known_share: Floats
    free: npt.NDArray[np.bool_]
    prior: Floats


@dataclass(frozen=True, slots=True)
class Blend:
    """raw = t · (offset + Σ coefficient · channel) + (1 - t + s) · (prior_offset + prior_scale · prior).

    t rises from 0 at a share `trust_from` of known words and pairs to 1 at `trust_full`: on queries made of
    words that training knew the learned part speaks, on strange ones the prior. s is how much of the
    prior speaks everywhere: `steady`, and in free text `steady_free` more, because that is what people write
    and what public benchmarks, mostly examinations, hardly hold.
    """

    coefficients: dict[str, float]
    offset: float = 0.0
    trust_from: float = 0.0
    trust_full: float = 1.0
    steady: float = 0.0
    steady_free: float = 0.0
    prior_offset: float = 0.0
    prior_scale: float = 0.0

    def trust(self, known_share: Floats) -> Floats:
        """Trust, 0 to 1, for each share of known words and pairs."""
        along = (known_share - self.trust_from) / (self.trust_full - self.trust_from)
        return np.clip(along, 0.0, 1.0)

    def learned(self, outputs: Mapping[str, Floats]) -> Floats:
        """The learned part of rows in the order of the outputs of their channels."""
        total: Floats = sum(
            (weight * outputs[name] for name, weight in self.coefficients.items()),
            start=np.full(len(outputs["hand"]), self.offset),
        )
        return total

    def raw(self, judged: Judged) -> Floats:
        """Raw scores of rows; the same formula as `ranking`."""
        trust = self.trust(judged.known_share)
        speaks = 1.0 - trust + self.steady + self.steady_free * judged.free
        prior = self.prior_offset + self.prior_scale * judged.prior
        return trust * self.learned(judged.outputs) + speaks * prior

    @property
    def stated(self) -> dict[str, Any]:
        """As a manifest keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, stated: object) -> "Blend":
        """What `stated` gave, which may have been altered since.

        Raises:
            ValueError: it is none; says what of it.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(stated, dict) or stated.keys() != names:
            raise ValueError(f"should be an object of {', '.join(sorted(names))}")
        coefficients = stated["coefficients"]
        if not isinstance(coefficients, dict) or not coefficients.keys() <= set(CHANNELS):
            raise ValueError(f"should have coefficients of {', '.join(CHANNELS)} and of nothing else")
        numbers = {name: _number(name, value) for name, value in stated.items() if name != "coefficients"}
        if numbers["trust_from"] >= numbers["trust_full"]:
            raise ValueError("has a trust_full that is not above its trust_from")
        return cls({name: _number(name, value) for name, value in coefficients.items()}, **numbers)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_WIDEST <= value <= _WIDEST:
        raise ValueError(f"should have a number as {name}, no larger than training gives")
    return float(value)
