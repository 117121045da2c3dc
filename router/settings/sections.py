"""Which type describes which part of the file: for documentation, and for naming the field that was meant."""

from typing import Final

from pydantic import BaseModel

from router.settings.answers import CacheSettings, IdempotencySettings
from router.settings.audit import AuditSettings, JudgeSettings
from router.settings.document import Path
from router.settings.ladder import PressureSettings, StepSettings
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

ANY: Final = "<name>"
EACH: Final = "<n>"

SECTIONS: Final[dict[tuple[str, ...], type[BaseModel]]] = {
    (): Settings,
    ("models", ANY): ModelSettings,
    ("models", ANY, "price"): PriceSettings,
    ("models", ANY, "supports"): SupportsSettings,
    ("models", ANY, "timeouts"): TimeoutSettings,
    ("routes", ANY): RouteSettings,
    ("routes", ANY, "caps"): Caps,
    ("routes", ANY, "cache"): CacheSettings,
    ("routes", ANY, "ladder", EACH): StepSettings,
    ("routes", ANY, "audit"): AuditSettings,
    ("routes", ANY, "audit", "judge"): JudgeSettings,
    ("server",): ServerSettings,
    ("store",): StoreSettings,
    ("ledger",): LedgerSettings,
    ("outcomes",): OutcomeSettings,
    ("pressure",): PressureSettings,
    ("idempotency",): IdempotencySettings,
}


def fields_of(path: Path) -> tuple[str, ...]:
    """The fields that the section at a path has; none where the path is no section."""
    for pattern, section in SECTIONS.items():
        if len(pattern) == len(path) and all(
            want in (ANY, EACH, got) for want, got in zip(pattern, path, strict=True)
        ):
            return tuple(field.alias or name for name, field in section.model_fields.items())
    return ()
