"""The settings a service starts with."""

from collections.abc import Mapping
from pathlib import Path

from router.settings.check import HasPrice
from router.settings.checked import check_config, usable
from router.settings.models import Settings
from router.settings.zero_config import offline_settings


def load_settings(
    path: Path | None, environ: Mapping[str, str], has_price: HasPrice | None = None
) -> Settings:
    """The settings a file states, or without a file those of the bundled offline upstream.

    Args:
        path: the file, or `None`.
        environ: the environment, for `os.environ/NAME`, the presets' keys and `REDIS_URL`.
        has_price: whether (price provider, model) has a price; the packaged price book when not given.

    Raises:
        ConfigError: with every problem, when there is one that is not just a warning.
    """
    if path is None:
        return offline_settings(environ)
    return usable(check_config(path, environ, has_price))
