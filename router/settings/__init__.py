"""`pennyroute.yaml` and the environment, checked whole and turned into frozen types."""

from router.settings.check import HasPrice
from router.settings.checked import CheckedConfig, check_config
from router.settings.load import load_settings
from router.settings.models import (
    Caps,
    LedgerSettings,
    ModelSettings,
    OutcomeSettings,
    PriceSettings,
    RouteSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    SupportsSettings,
    TimeoutSettings,
)
from router.settings.problems import ConfigError, ConfigProblem, Severity
from router.settings.zero_config import SAMPLE_ROUTES, offline_settings, zero_config

__all__ = [
    "SAMPLE_ROUTES",
    "Caps",
    "CheckedConfig",
    "ConfigError",
    "ConfigProblem",
    "HasPrice",
    "LedgerSettings",
    "ModelSettings",
    "OutcomeSettings",
    "PriceSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "Severity",
    "StoreSettings",
    "SupportsSettings",
    "TimeoutSettings",
    "check_config",
    "load_settings",
    "offline_settings",
    "zero_config",
]
