"""What must hold between the fields of a route's `audit` and those around it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from router.settings.document import Path
from router.settings.finding import Finding
from router.settings.problems import Severity, did_you_mean, shown

_KINDS: Final = ("schema", "regex", "model")
_OF_MODEL: Final = ("criteria", "output_tokens")
_LATER: Final = ("feedback", "import")  # a tuple: what is written may not be hashable


def judging_model(route: Mapping[str, Any]) -> Any:
    """The model that judges a route's audits, as it is written; `None` where none does."""
    return _judge(route).get("model")


def audit_findings(name: str, route: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Finding]:
    """Every problem of a route's audit that lies between fields."""
    audit = route.get("audit")
    if not isinstance(audit, Mapping):
        return
    path: Path = ("routes", name, "audit")
    yield from _how_many(path, route, audit)
    judge = _judge(route)
    if isinstance(audit.get("judge"), Mapping):
        yield from _one_kind((*path, "judge"), judge)
    if isinstance(judge.get("model"), str):
        yield from _model((*path, "judge", "model"), judge["model"], route, models)
    if audit.get("judge") in _LATER and route.get("store_prompts") is not True:
        yield Finding(
            (*path, "judge"),
            f"with {audit['judge']} people score answers later, and this route does not keep the other "
            "model's answer",
            "add store_prompts: true, or score by a judge of the service",
            Severity.WARNING,
        )


def _judge(route: Mapping[str, Any]) -> Mapping[str, Any]:
    audit = route.get("audit")
    judge = audit.get("judge") if isinstance(audit, Mapping) else None
    return judge if isinstance(judge, Mapping) else {}


def _how_many(path: Path, route: Mapping[str, Any], audit: Mapping[str, Any]) -> Iterator[Finding]:
    stated = [field for field in ("share", "usd_per_month") if audit.get(field) is not None]
    if len(stated) == 2:
        yield Finding(
            (*path, "usd_per_month"),
            "share and usd_per_month are both set, and each of them says how much is audited",
            "keep one of them",
        )
    if not stated:
        yield Finding(path, "does not say how much is audited", "add share: 0.02 or usd_per_month: 25")
    if "usd_per_month" in stated and route.get("price") == "unknown-ok":
        yield Finding(
            (*path, "usd_per_month"),
            "an amount can only be kept to with known prices, and the route allows unknown ones",
            "remove price: unknown-ok, or set a share",
        )


def _one_kind(path: Path, judge: Mapping[str, Any]) -> Iterator[Finding]:
    stated = [kind for kind in _KINDS if judge.get(kind) is not None]
    if len(stated) > 1:
        yield Finding(
            (*path, stated[1]),
            f"{' and '.join(stated)} are both set, and one judge scores",
            "keep one of them",
        )
    if not stated:
        yield Finding(path, "names no judge", "add schema, regex or model, or write judge: agreement")
    for field in _OF_MODEL:
        if judge.get(field) is not None and stated and "model" not in stated:
            yield Finding((*path, field), "is for a judge that is a model", "leave it out")


def _model(path: Path, model: str, route: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Finding]:
    if model not in models:
        yield Finding(path, f"model {shown(model)} is not configured", did_you_mean(model, models))
    elif model in (route.get("small"), route.get("large")):
        yield Finding(
            path,
            f"{shown(model)} judges its own answers, and models prefer their own",
            "name a third model",
            Severity.WARNING,
        )
