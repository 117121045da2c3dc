"""One side of a pair: what it is called, what a configuration would say of it, who serves it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from router.discovery.servers import ServedModel
from router.names import AUTO, DEFAULT_ROUTE
from router.providers.presets import PRESETS, Preset
from router.settings.zero_config import OFFLINE_LARGE

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._:/@-]+")
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Tier:
    """One side of a pair.

    Attributes:
        name: what it is called here.
        fields: what a configuration would state of it.
        where: who serves it, in words.
        served: the model of a server on this machine; `None` for any other.
    """

    name: str
    fields: Mapping[str, Any]
    where: str
    served: ServedModel | None = None

    @property
    def is_bundled(self) -> bool:
        """Whether it ships with Pennyroute."""
        return PRESETS[self.fields["provider"]].is_bundled

    def is_same_as(self, other: "Tier") -> bool:
        """Whether both are one model at one place."""
        return self.fields == other.fields


def of_key(preset: Preset, model: str | None) -> Tier:
    """A model of a provider whose key was found."""
    assert model is not None  # every preset that is looked for has a pair
    fields = {"provider": preset.name, "model": model}
    return Tier(_name(model), fields, f"{preset.title}, whose key is in {preset.key_env}")


def of_server(model: ServedModel) -> Tier:
    """A model that a server on this machine has."""
    preset = PRESETS[model.server.provider]
    fields = {"provider": preset.name, "model": model.name, "base_url": model.server.base_url}
    where = f"the {preset.title} at {model.server.base_url.removesuffix('/v1')}"
    return Tier(_name(model.name), fields, where.replace("server server", "server"), model)


def bundled_local() -> Tier:
    """The bundled local model."""
    preset = PRESETS["local"]
    assert preset.only_model is not None
    return Tier(preset.only_model, {"provider": preset.name}, "on this machine, bundled with Pennyroute")


def offline_large() -> Tier:
    """What takes the large model's place where there is none."""
    return Tier(OFFLINE_LARGE, {"provider": "offline"}, "the bundled offline upstream, which is no model")


def apart(small: Tier, large: Tier) -> tuple[Tier, Tier]:
    """The pair under names that mean one thing each, and nothing else."""
    clash = small.name == large.name and not small.is_same_as(large)
    small, large = _qualified(small, clash=clash), _qualified(large, clash=clash)
    if small.name == large.name and not small.is_same_as(large):  # two servers of one kind
        large = replace(large, name=f"{large.name[: _LONGEST_NAME - 2]}-2")
    return small, large


def _qualified(tier: Tier, *, clash: bool) -> Tier:
    if not clash and tier.name not in (DEFAULT_ROUTE, AUTO):
        return tier
    return replace(tier, name=f"{tier.fields['provider']}/{tier.name}"[:_LONGEST_NAME])


def _name(model: str) -> str:
    """A name that a configuration takes: of a file's path the last part, without what names may not have."""
    plain = model.rsplit("/", 1)[-1] if model.startswith((".", "/", "~")) else model
    return _NOT_IN_A_NAME.sub("-", plain).lstrip("-._:/@")[:_LONGEST_NAME] or "model"
