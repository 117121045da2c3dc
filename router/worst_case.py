"""The worst case of a call: the most tokens it can use, and the most it can cost."""

from router.catalog import Model
from router.pricing.price import worst_case_nano
from router.pricing.usage import Usage

_OUTPUT_WHEN_UNCAPPED = 16_384


def bound_of(model: Model, *, input_bound: int, output_tokens: int | None, answers: int) -> Usage:
    """The most tokens that one call can use.

    Args:
        model: who is called.
        input_bound: tokens the input cannot exceed.
        output_tokens: the cap that is sent, of each answer; `None` where there is none.
        answers: how many are wanted.
    """
    output = output_tokens or model.max_output_tokens or _OUTPUT_WHEN_UNCAPPED
    return Usage(input_tokens=input_bound, output_tokens=output * answers)


def worst_nano(model: Model, bound: Usage) -> int | None:
    """What that costs at most, nano-dollars; `None` where the model's price is not known."""
    if model.price is None:
        return None
    return worst_case_nano(model.price, bound.input_tokens, bound.output_tokens)
