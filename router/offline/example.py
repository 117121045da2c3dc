"""An instance of a JSON schema, the plainest there is: what a tool is called with when nobody understood."""

from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 16
_TEXT: Final = "offline"
_MOST_ITEMS: Final = 16
_LONGEST: Final = 1_000


def example_of(schema: Mapping[str, Any]) -> Any:
    """An instance with every property that is required, in the first of the forms that are allowed.

    It reads type, enum, examples, const, default, properties, required, items, minItems, minimum, minLength,
    anyOf, oneOf, allOf and local `$ref`; what else a schema demands may not be met.
    """
    return _Example(schema).of(schema, 0)


class _Example:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def of(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return None
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.of(schema[key][0], depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        stated = schema.get("type", "object")
        kind = stated[0] if isinstance(stated, list) and stated else stated
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            wanted = min(_whole(schema.get("minItems")), _MOST_ITEMS)
            return [self.of(schema.get("items", {}), depth + 1) for _ in range(wanted)]
        plain = {
            "string": _TEXT.ljust(min(_whole(schema.get("minLength")), _LONGEST), "."),
            "integer": _whole(schema.get("minimum")),
            "number": schema.get("minimum", 0),
            "boolean": False,
        }
        return plain.get(kind) if isinstance(kind, str) else None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties"), schema.get("required")
        known = properties if isinstance(properties, Mapping) else {}
        names = required if isinstance(required, list) else []
        return {str(name): self.of(known.get(name, {}), depth + 1) for name in names}

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEEPEST):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                break
            found: Any = self._root
            for part in reference.removeprefix("#").strip("/").split("/"):
                found = found.get(part, {}) if isinstance(found, Mapping) and part else found
            schema = found if isinstance(found, Mapping) else {}
        return schema


def _whole(stated: Any) -> int:
    return stated if type(stated) is int else 0
