"""Fitted channels and the chosen blend → the whole-number weights that serving reads. Training only."""

from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.blend import Blend
from classifiers.features import BUCKETS, FORM, FORMATS, NO_TAG, bucket_of, tag_of
from classifiers.heads import Channel, Fitted
from classifiers.ranking import Weights

Floats = npt.NDArray[np.float64]

_LARGEST: Final = 32767
_WORTH_KEEPING: Final = 2e-4
"""Word weights below this part of the largest are dropped: they compress away and move nothing."""


def weights_of(fitted: Fitted, blend: Blend, *, by_hand: bool) -> Weights:
    """Serving weights of a blend of fitted channels. Channels without a link add up to one.

    `by_hand`: the prior is the hand-set score; else that of another ranking, which is kept beside these.
    """
    channels = _channels(fitted, blend.coefficients)
    columns, scales = zip(*(_whole(channel.words) for _, channel in channels), strict=True)
    idf2, idf2_scale = _whole(fitted.idf2)
    hand = fitted.channels["hand"].form[0]
    return Weights(
        table=_table(fitted, [*columns, idf2], read=bool(blend.coefficients)),
        scales=np.array([*scales, idf2_scale]),
        bias=np.stack([channel.bias for _, channel in channels], axis=1),
        coefficients=np.array([weight for weight, _ in channels]),
        logistic=np.array([channel.logistic for _, channel in channels]),
        form_weights=np.ascontiguousarray(np.stack([channel.form for _, channel in channels], axis=2)),
        form_low=fitted.low,
        form_high=fitted.high,
        form_mean=fitted.mean,
        prior_form=blend.prior_scale * hand if by_hand else np.zeros(len(FORM)),
        blend=np.array(
            [
                blend.offset,
                blend.trust_from,
                blend.trust_full,
                blend.steady,
                blend.steady_free,
                blend.prior_offset,
                0.0 if by_hand else blend.prior_scale,
            ]
        ),
    )


def _channels(fitted: Fitted, coefficients: dict[str, float]) -> list[tuple[float, Channel]]:
    linear = {name: weight for name, weight in coefficients.items() if not fitted.channels[name].logistic}
    bent = [name for name, weight in coefficients.items() if fitted.channels[name].logistic and weight]
    channels: list[tuple[float, Channel]] = []
    if linear or not bent:
        channels.append((1.0, _summed(fitted, linear)))
    return channels + [(coefficients[name], fitted.channels[name]) for name in bent]


def _table(fitted: Fitted, columns: list[npt.NDArray[np.int16]], *, read: bool) -> npt.NDArray[np.int16]:
    """The table; an empty one where nothing learned is read."""
    known = fitted.known & read
    keys = fitted.keys[known]
    table = np.zeros((BUCKETS, len(columns) + 1), dtype=np.int16)
    table[:, -1] = NO_TAG
    table[bucket_of(keys)] = np.stack([*(column[known] for column in columns), tag_of(keys)], axis=1)
    return table


def _summed(fitted: Fitted, mixture: dict[str, float]) -> Channel:
    words, form, bias = np.zeros(len(fitted.keys)), np.zeros((FORMATS, len(FORM))), np.zeros(FORMATS)
    for name, weight in mixture.items():
        channel = fitted.channels[name]
        words += weight * channel.words
        form += weight * channel.form
        bias = bias + weight * channel.bias
    return Channel(words, form, bias, logistic=False)


def _whole(weights: Floats) -> tuple[npt.NDArray[np.int16], float]:
    """The nearest whole numbers within int16, and what one is worth."""
    most = float(np.abs(weights).max(initial=0.0))
    if most == 0.0:
        return np.zeros(len(weights), dtype=np.int16), 0.0
    scale = most / _LARGEST
    kept = np.where(np.abs(weights) >= _WORTH_KEEPING * most, weights, 0.0)
    return np.rint(kept / scale).astype(np.int16), scale
