"""Whether a caller may ask a query so: what its key is tied to, and the labels a route requires."""

from collections.abc import Sequence

from msgspec.structs import replace

from router.access.tie import Tie
from router.catalog import Catalog, Model, Route
from router.errors import LabelRequired, NotPermitted
from router.ledger.entry import Labels
from router.query import Query


def admitted(query: Query, target: Route | Model, catalog: Catalog) -> Query:
    """The query with the labels that its key carries.

    Raises:
        NotPermitted: the key is not for this target, or carries another label.
        LabelRequired: a label is missing that the target requires; the key carries none either.
    """
    if not query.caller.may_call:
        raise NotPermitted("this key has no scope `call`")
    tie = query.caller.tie
    _check_route(tie, target)
    labels = _filled(query.labels, tie)
    _check_required(labels, catalog.required(target), target)
    return query if labels is query.labels else replace(query, labels=labels)


def _check_route(tie: Tie, target: Route | Model) -> None:
    if not tie.routes or (isinstance(target, Route) and target.name in tie.routes):
        return
    kind = "route" if isinstance(target, Route) else "model"
    raise NotPermitted(
        f"this key is for {_listed('route', tie.routes)}, and not for {kind} {target.name!r}",
        param="model",
    )


def _filled(labels: Labels, tie: Tie) -> Labels:
    carried = tie.labels
    if not carried:
        return labels
    for name, value in carried.items():
        said = getattr(labels, name)
        if said and said != value:
            raise NotPermitted(
                f"this key carries the {name} {value!r}; a call with it cannot be of {said!r}. Leave the "
                "label out, and it is filled in",
                param=f"metadata.{name}",
            )
    return replace(labels, **carried)


def _check_required(labels: Labels, required: Sequence[str], target: Route | Model) -> None:
    missing = [name for name in required if not getattr(labels, name)]
    if missing:
        named = "route" if isinstance(target, Route) else "a route of model"
        raise LabelRequired(
            f"{named} {target.name!r} requires {_listed('label', missing)}; send it in metadata or as "
            f"x-pennyroute-{missing[0]}, or use a key that carries it",
            param=f"metadata.{missing[0]}",
        )


def _listed(kind: str, names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names)
    return f"{kind} {shown}" if len(names) == 1 else f"{kind}s {shown}"
