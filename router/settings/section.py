"""What every part of the configuration has in common."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)


def _frozen(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


def _plain(value: Mapping[str, Any], serialize: SerializerFunctionWrapHandler) -> Any:
    return serialize(dict(value))


FROZEN: Final = (AfterValidator(_frozen), WrapSerializer(_plain))
"""For a mapping: cannot be changed once it is checked."""


class Section(BaseModel):
    """Frozen, strict, and refusing what it does not know; an error never repeats what was given."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )
