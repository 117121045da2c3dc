"""Fitted channels and the chosen mixture → the whole-number weights that serving reads. Training only."""

from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.features import BUCKETS, FORM, NO_TAG, bucket_of, tag_of
from classifiers.heads import Channel, Fitted
from classifiers.model import Weights

Floats = npt.NDArray[np.float64]

_LARGEST: Final = 32767
_WORTH_KEEPING: Final = 2e-4
"""Word weights below this part of the largest are dropped: they compress away and move nothing."""


def weights_of(fitted: Fitted, mixture: dict[str, float], knots: Floats) -> Weights:
    """Serving weights for Σ mixture · channel. Channels without a link add up to one."""
    linear = {name: weight for name, weight in mixture.items() if not fitted.channels[name].logistic}
    bent = [name for name, weight in mixture.items() if fitted.channels[name].logistic and weight != 0.0]
    channels: list[tuple[float, Channel]] = [(1.0, _summed(fitted, linear))] if linear else []
    channels += [(mixture[name], fitted.channels[name]) for name in bent]
    columns, scales = zip(*(_whole(channel.words) for _, channel in channels), strict=True)
    idf2, idf2_scale = _whole(fitted.idf2)
    return Weights(
        table=_table(fitted, [*columns, idf2]),
        scales=np.array([*scales, idf2_scale]),
        bias=np.array([channel.bias for _, channel in channels]),
        coefficients=np.array([weight for weight, _ in channels]),
        logistic=np.array([channel.logistic for _, channel in channels]),
        form_weights=np.stack([channel.form for _, channel in channels], axis=1),
        form_low=fitted.low,
        form_high=fitted.high,
        form_mean=fitted.mean,
        knots=knots,
    )


def _table(fitted: Fitted, columns: list[npt.NDArray[np.int16]]) -> npt.NDArray[np.int16]:
    keys = fitted.keys[fitted.known]
    table = np.zeros((BUCKETS, len(columns) + 1), dtype=np.int16)
    table[:, -1] = NO_TAG
    table[bucket_of(keys)] = np.stack([*(column[fitted.known] for column in columns), tag_of(keys)], axis=1)
    return table


def _summed(fitted: Fitted, mixture: dict[str, float]) -> Channel:
    words, form, bias = np.zeros(len(fitted.keys)), np.zeros(len(FORM)), 0.0
    for name, weight in mixture.items():
        channel = fitted.channels[name]
        words += weight * channel.words
        form += weight * channel.form
        bias += weight * channel.bias
    return Channel(words, form, bias, logistic=False)


def _whole(weights: Floats) -> tuple[npt.NDArray[np.int16], float]:
    """The nearest whole numbers within int16, and what one is worth."""
    most = float(np.abs(weights).max(initial=0.0))
    if most == 0.0:
        return np.zeros(len(weights), dtype=np.int16), 0.0
    scale = most / _LARGEST
    kept = np.where(np.abs(weights) >= _WORTH_KEEPING * most, weights, 0.0)
    return np.rint(kept / scale).astype(np.int16), scale
