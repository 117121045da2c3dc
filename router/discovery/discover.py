"""Which small and which large model answer when nobody configured any, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from router.discovery.notes import offline_notes, pair_notes
from router.discovery.servers import PATIENCE_S, ServedModel, Server, served_models, usual_servers
from router.discovery.tier import Tier, apart, bundled_local, of_key, of_server, offline_large
from router.errors import SetupError
from router.local.weights import HOW_TO_INSTALL, installed
from router.names import DEFAULT_ROUTE
from router.providers.presets import PRESETS, Preset
from router.settings import SAMPLE_ROUTES, HasPrice, Settings, zero_config
from router.settings.zero_config import OFFLINE_LARGE, OFFLINE_MODELS, OFFLINE_SMALL

KEY_ORDER: Final = (
    "openai",
    "anthropic",
    "gemini",
    "deepseek",
    "mistral",
    "openrouter",
    "volcengine",
    "dashscope",
)
"""Whose pair is taken when several keys are found: the first of these."""

FORCE_OFFLINE: Final = "PENNYROUTE_OFFLINE"
FORCE_LOCAL: Final = "PENNYROUTE_LOCAL"

_OFF: Final = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Pair:
    """The models that were found, without any key: enough to make the same settings in another process.

    Attributes:
        models: name → what a file would state under `models`.
        unknown_price: whether a model nobody knows a price of is taken.
    """

    models: Mapping[str, Mapping[str, Any]]
    small: str
    large: str
    routes: tuple[str, ...]
    unknown_price: bool = False

    def settings(self, environ: Mapping[str, str], has_price: HasPrice | None = None) -> Settings:
        """Settings with this pair; keys come from the environment.

        Raises:
            ConfigError: the pair cannot be used, or `REDIS_URL` cannot.
        """
        return zero_config(
            self.models,
            self.small,
            self.large,
            environ,
            routes=self.routes,
            allow_unknown_price=self.unknown_price,
            has_price=has_price,
        )


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a start without a configuration file works with.

    Attributes:
        notes: sentences for the person who starts it: which models, why, and how to choose others.
        offline: whether a tier is served by the bundled offline upstream.
        pair: the models without their keys, to make the same settings again; `None` with a file.
    """

    settings: Settings
    notes: tuple[str, ...]
    offline: bool
    pair: Pair | None = None


def discover(
    environ: Mapping[str, str],
    has_price: HasPrice | None = None,
    servers: Sequence[Server] | None = None,
    patience_s: float = PATIENCE_S,
) -> Discovered:
    """The best pair there is: keys by `KEY_ORDER`, model servers on this machine, else the offline upstream.

    A server's smallest model answers easy queries and a key's large model hard ones; a key alone gives its
    preset's pair; servers alone their smallest and largest. No key is sent anywhere to find this out.
    `PENNYROUTE_OFFLINE=1` takes the offline upstream whatever there is; `PENNYROUTE_LOCAL=1` takes the
    bundled local model for easy queries.

    Args:
        environ: the environment.
        has_price: whether (price provider, model) has a price; the packaged price book when not given.
        servers: where model servers may be; the usual places when not given.
        patience_s: how long they may take to say what they serve, seconds.

    Raises:
        ConfigError: what was found cannot be used, or `REDIS_URL` cannot.
        SetupError: the bundled local model is asked for and not installed.
    """
    if _is_on(environ, FORCE_OFFLINE):
        return _offline(environ, f"{FORCE_OFFLINE} is set")
    keys = [PRESETS[name] for name in KEY_ORDER if _has_key(environ, PRESETS[name])]
    served = served_models(usual_servers(environ) if servers is None else servers, patience_s)
    local = _bundled(environ) if _is_on(environ, FORCE_LOCAL) else None
    pair = _pair(local, keys, _ranked(served))
    if pair is None:
        return _offline(environ, "No provider's key and no model server was found")
    small, large = apart(*pair)
    found = Pair(
        {tier.name: tier.fields for tier in (small, large)},
        small.name,
        large.name,
        SAMPLE_ROUTES if large.name == OFFLINE_LARGE else (DEFAULT_ROUTE,),
        unknown_price=bool(small.served or large.served),
    )
    notes = pair_notes(small, large, _others(environ, keys, served, pair))
    return Discovered(found.settings(environ, has_price), notes, large.name == OFFLINE_LARGE, found)


def _pair(
    local: Tier | None, keys: Sequence[Preset], ranked: Sequence[ServedModel]
) -> tuple[Tier, Tier] | None:
    small = local or (of_server(ranked[0]) if ranked else None)
    if keys:
        return small or of_key(keys[0], keys[0].small), of_key(keys[0], keys[0].large)
    if small is None:
        return None
    return small, of_server(ranked[-1]) if ranked else offline_large()


def _ranked(served: Sequence[ServedModel]) -> list[ServedModel]:
    """Smallest first, those whose size is known; where it is of none, the first: nobody can tell more."""
    known = [model for model in served if model.parameters is not None]
    return sorted(known, key=lambda model: model.parameters or 0) or list(served[:1])


def _others(
    environ: Mapping[str, str],
    keys: Sequence[Preset],
    served: Sequence[ServedModel],
    pair: tuple[Tier, Tier],
) -> list[str]:
    """Keys, by their variables, and models that were found and not taken."""
    pairless = [preset for preset in PRESETS.values() if not preset.small and _has_key(environ, preset)]
    variables = [str(preset.key_env) for preset in (*keys[1:], *pairless)]
    taken = [tier.served for tier in pair]
    return [*variables, *dict.fromkeys(model.name for model in served if model not in taken)]


def _is_on(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() not in _OFF


def _has_key(environ: Mapping[str, str], preset: Preset) -> bool:
    return preset.key_env is not None and bool(environ.get(preset.key_env, "").strip())


def _bundled(environ: Mapping[str, str]) -> Tier:
    if not installed():
        value = environ[FORCE_LOCAL]
        raise SetupError(f"{FORCE_LOCAL}={value} needs the bundled local model; {HOW_TO_INSTALL}")
    return bundled_local()


def _offline(environ: Mapping[str, str], because: str) -> Discovered:
    pair = Pair(
        {name: dict(fields) for name, fields in OFFLINE_MODELS.items()},
        OFFLINE_SMALL,
        OFFLINE_LARGE,
        SAMPLE_ROUTES,
    )
    return Discovered(pair.settings(environ), offline_notes(because), offline=True, pair=pair)
