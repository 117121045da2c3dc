"""What must hold between the fields of a route's `ladder` and those around it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.ladder import LAST_RUNGS, Cause, Rung
from router.settings.document import Path
from router.settings.finding import Finding

_RUNGS: Final = frozenset(rung.value for rung in Rung)
_CAUSES: Final = tuple(cause.value for cause in Cause)
_OF_TOKENS: Final = (Rung.SHORTEN_OUTPUT.value, Rung.TRIM_CONTEXT.value)
BEST_EFFORT: Final = "best-effort"

Steps = Sequence[tuple[Path, str, Mapping[str, Any]]]
"""Where each is, its rung, and it."""


def ladder_findings(name: str, route: Mapping[str, Any]) -> Iterator[Finding]:
    """Every problem of a route's ladder that lies between fields."""
    written = route.get("ladder")
    path: Path = ("routes", name, "ladder")
    steps = [
        ((*path, at), step["rung"], step)
        for at, step in enumerate(written if isinstance(written, list) else ())
        if isinstance(step, Mapping) and isinstance(step.get("rung"), str) and step["rung"] in _RUNGS
    ]
    for where, rung, step in steps:
        yield from _one(where, rung, step)
    yield from _order(steps)
    yield from _starts(steps)
    yield from _floor(name, route, steps)
    if route.get("cache") is None:
        for where, rung, _ in steps:
            if rung == Rung.CACHE_ONLY:
                yield Finding(
                    (*where, "rung"), "the route has no cache to answer from", "add cache: {ttl_s: 3600}"
                )


def _one(where: Path, rung: str, step: Mapping[str, Any]) -> Iterator[Finding]:
    if all(step.get(cause) is None for cause in _CAUSES):
        yield Finding(where, "nothing sets this rung off", "add budget: 0.8, spike: 3 or trouble: 0.5")
    if step.get("threshold") is not None and rung != Rung.PREFER_SMALL:
        yield Finding((*where, "threshold"), "is for prefer_small", "leave it out")
    if step.get("tokens") is not None and rung not in _OF_TOKENS:
        yield Finding((*where, "tokens"), f"is for {' and '.join(_OF_TOKENS)}", "leave it out")
    if step.get("tokens") is None and rung in _OF_TOKENS:
        yield Finding((*where, "tokens"), "is missing", "add tokens: 300")


def _order(steps: Steps) -> Iterator[Finding]:
    before: list[str] = []
    for where, rung, _ in steps:
        if rung in before:
            yield Finding((*where, "rung"), f"{rung} is in this ladder twice", "keep one of them")
        elif Rung.REFUSE in before or (Rung.CACHE_ONLY in before and rung != Rung.REFUSE):
            yield Finding(
                (*where, "rung"),
                f"{rung} comes after {before[-1]}, where no model is called any more",
                "put cache_only and refuse last",
            )
        before.append(rung)


def _starts(steps: Steps) -> Iterator[Finding]:
    """The mildest comes first, so none may begin before the one above it."""
    for cause in _CAUSES:
        highest, by = 0.0, ""
        for where, rung, step in steps:
            start = step.get(cause)
            if not isinstance(start, int | float) or isinstance(start, bool):
                continue
            if start < highest:
                yield Finding(
                    (*where, cause),
                    f"{rung} would begin at {start:g}, before {by} at {highest:g}, which stands above it",
                    "order the ladder by when its rungs begin",
                )
            highest, by = max(highest, start), rung


def _floor(name: str, route: Mapping[str, Any], steps: Steps) -> Iterator[Finding]:
    if route.get("floor") is not None and route.get("quality_floor") is None:
        yield Finding(
            ("routes", name, "floor"), "the route has no quality_floor", "leave it out, or set the floor"
        )
    if route.get("quality_floor") is None or route.get("floor") == BEST_EFFORT:
        return
    for where, rung, _ in steps:
        if rung not in LAST_RUNGS:
            yield Finding(
                (*where, "rung"),
                f"{rung} could take answers below the route's quality_floor",
                f"leave it out, or write floor: {BEST_EFFORT} on the route",
            )
