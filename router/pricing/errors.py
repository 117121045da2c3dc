"""What can be wrong with money, token counts and prices."""

from router.errors import PennyrouteError


class PricingError(PennyrouteError, ValueError):
    """Base: also a `ValueError`, so that a config check can collect it with the other problems."""

    code = "pricing_error"


class MoneyError(PricingError):
    """An amount that is not exact, not finite, negative or out of range."""

    code = "money_error"


class UsageError(PricingError):
    """Token counts that cannot be true: negative, absurdly large, or parts larger than their whole."""

    code = "usage_error"


class PriceError(PricingError):
    """A price, or a file of prices, that does not say what it must."""

    code = "price_error"


class UnknownPriceError(PricingError):
    """Nobody stated a price for this model. Unknown is not zero."""

    code = "price_unknown"
