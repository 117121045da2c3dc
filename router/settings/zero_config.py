"""Settings for a start without a configuration file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from router.names import DEFAULT_ROUTE
from router.settings.check import HasPrice
from router.settings.checked import check_document, usable
from router.settings.document import Document
from router.settings.models import Settings

OFFLINE_SMALL: Final = "offline/small"
OFFLINE_LARGE: Final = "offline/large"
OFFLINE_MODELS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {name: MappingProxyType({"provider": "offline"}) for name in (OFFLINE_SMALL, OFFLINE_LARGE)}
)
"""Both tiers of the bundled offline upstream, as a file would state them."""
SAMPLE_ROUTES: Final = (DEFAULT_ROUTE, "support", "legal-triage", "meeting-notes", "prompt-lab")
"""What the offline upstream is asked through: the routes of the demo, so that its report has rows to show."""

_HERE: Final = "(no configuration file)"


def offline_settings(environ: Mapping[str, str]) -> Settings:
    """Both tiers served by the bundled offline upstream, at its example prices.

    Raises:
        ConfigError: `REDIS_URL` cannot be used.
    """
    return zero_config(OFFLINE_MODELS, OFFLINE_SMALL, OFFLINE_LARGE, environ, routes=SAMPLE_ROUTES)


def zero_config(
    models: Mapping[str, Mapping[str, Any]],
    small: str,
    large: str,
    environ: Mapping[str, str],
    *,
    routes: Iterable[str] = (DEFAULT_ROUTE,),
    allow_unknown_price: bool = False,
    has_price: HasPrice | None = None,
) -> Settings:
    """Settings for a pair of models that was found, checked like a file.

    Args:
        models: name → the fields a file would state under `models`.
        small: name of the model for easy queries.
        large: name of the model for hard ones.
        environ: the environment, for keys and `REDIS_URL`.
        routes: the routes to make, all with this pair.
        allow_unknown_price: take models nobody knows a price of, such as those of a local server.
        has_price: as for `check_config`.

    Raises:
        ConfigError: the pair cannot be used, or `REDIS_URL` cannot.
    """
    route: dict[str, Any] = {"small": small, "large": large}
    if allow_unknown_price:
        route["price"] = "unknown-ok"
    data = {
        "models": {name: dict(fields) for name, fields in models.items()},
        "routes": {name: dict(route) for name in routes},
    }
    document = Document(data)
    return usable(check_document(document, environ, directory=Path(), file=_HERE, has_price=has_price))
