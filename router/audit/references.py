"""What the references of a JSON Schema lead to: within it, to a schema, and never round in a circle."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})

_ONE: Final = ("not", "if", "then", "else", "extends")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "extends", "type", "disallow")
_NAMED: Final = ("dependentSchemas", "dependencies")

Lookup = Callable[[str], Any]
"""What a reference leads to."""


def lookup_in(schema: Any, dialect: str) -> Lookup:
    """Follows references within a schema of a dialect; the schema itself names none."""
    root = Resource.from_contents(schema, default_specification=specification_with(dialect))
    resolver = Registry().resolver_with_root(root)

    def lookup(target: str) -> Any:
        """The schema a reference leads to.

        Raises:
            ValueError: it leads out of the schema, or nowhere.
        """
        if not target.startswith("#"):
            raise ValueError(f"$ref {target[:100]!r} leads out of the schema; nothing is fetched here")
        try:
            return resolver.lookup(target).contents
        except Unresolvable:
            raise ValueError(f"$ref {target[:100]!r} leads nowhere") from None

    return lookup


def check_ends(schemas: list[Any], lookup: Lookup) -> None:
    """That none of these schemas asks itself again about the very same value: that would never end.

    Raises:
        ValueError: one does, or a reference cannot be followed.
    """
    done: set[int] = set()
    for schema in schemas:
        _check_ends(schema, lookup, done, [])


def _check_ends(schema: Any, lookup: Lookup, done: set[int], above: list[int]) -> None:
    if not isinstance(schema, dict) or id(schema) in done:
        return
    if id(schema) in above:
        raise ValueError("a $ref leads back to where it stands without going into the value: that never ends")
    for other in _of_the_same_value(schema, lookup):
        _check_ends(other, lookup, done, [*above, id(schema)])
    done.add(id(schema))


def _of_the_same_value(schema: dict[str, Any], lookup: Lookup) -> Iterator[Any]:
    """The schemas that a schema applies to the value it is asked about, not to a part of it."""
    for keyword in REFERENCES & schema.keys():
        if isinstance(schema[keyword], str):
            yield lookup(schema[keyword])
    for keyword in _ONE:
        yield schema.get(keyword)
    for keyword in _LISTS:
        many = schema.get(keyword)
        yield from many if isinstance(many, list) else ()
    for keyword in _NAMED:
        named = schema.get(keyword)
        yield from named.values() if isinstance(named, dict) else ()
