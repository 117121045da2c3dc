"""What a call costs, worked out a second time by other means: fractions, dollars as text, no code of the product.

Prices here are read off the page or package named beside each case, in dollars per million tokens.
"""

import math
from fractions import Fraction
from typing import Any

_PART_OF = {
    "cached_input_tokens": ("cached_input", "input"),
    "cache_write_5m_tokens": ("cache_write_5m", "input"),
    "cache_write_1h_tokens": ("cache_write_1h", "cache_write_5m"),
    "audio_input_tokens": ("audio_input", "input"),
    "image_input_tokens": ("image_input", "input"),
    "reasoning_tokens": ("reasoning", "output"),
    "audio_output_tokens": ("audio_output", "output"),
}
_OUTPUT_PARTS = ("reasoning_tokens", "audio_output_tokens")


def reference_nano(usage: dict[str, int], usd_per_million: dict[str, Any], per_request_usd: str = "0") -> int:
    """Nano-dollars, half up, of a usage whose whole request has these rates."""
    dollars = Fraction(0)
    plain = {"input": usage["input_tokens"], "output": usage["output_tokens"]}
    for bucket, (rate, fallback) in _PART_OF.items():
        tokens = usage.get(bucket, 0)
        plain["output" if bucket in _OUTPUT_PARTS else "input"] -= tokens
        dollars += tokens * _dollars_a_token(usd_per_million, rate, fallback)
    for whole, tokens in plain.items():
        dollars += tokens * Fraction(str(usd_per_million[whole])) / 10**6
    return math.floor((dollars + Fraction(per_request_usd)) * 10**9 + Fraction(1, 2))


def _dollars_a_token(rates: dict[str, Any], rate: str, fallback: str) -> Fraction:
    if rate in rates:
        return Fraction(str(rates[rate])) / 10**6
    if fallback in rates:
        return Fraction(str(rates[fallback])) / 10**6
    return Fraction(str(rates["input"])) / 10**6
