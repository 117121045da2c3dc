"""The reference of every field in `docs/configuration.md`, written from the types.

`python -m router.settings.reference docs` brings both it and the JSON Schema up to date.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo

from router.settings.schema import FILE_NAME, json_schema, schema_text
from router.settings.sections import SECTIONS

PAGE: Final = "configuration.md"
BEGIN: Final = "<!-- fields: made from router/settings/models.py by `make docs`; do not edit by hand -->"
END: Final = "<!-- /fields -->"

_TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
    "null": "",
}


def field_reference() -> str:
    """One table for each section of the file: field, kind, default, meaning."""
    schema = json_schema()
    return "\n".join(line for path, kind in SECTIONS.items() for line in _section(path, kind, schema))


def _section(path: tuple[str, ...], kind: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {'.'.join(path) or 'The file'}" if not path else f"### `{'.'.join(path)}`"
    yield ""
    yield " ".join((kind.__doc__ or "").split())
    yield ""
    yield "| field | kind | default | meaning |"
    yield "|---|---|---|---|"
    described = schema if kind.__name__ == "Settings" else schema["$defs"][kind.__name__]
    for own_name, field in kind.model_fields.items():
        name = field.alias or own_name
        shape = _kind(described["properties"][name], schema)
        yield f"| `{name}` | {shape} | {_default(field)} | {field.description} |"
    yield ""


def _kind(shape: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in shape:
        return _kind(next(each for each in shape["anyOf"] if each.get("type") != "null"), schema)
    if "oneOf" in shape:
        return " or ".join(_kind(each, schema) for each in shape["oneOf"])
    if "$ref" in shape:
        return _kind(schema["$defs"][shape["$ref"].rsplit("/", 1)[-1]], schema)
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape and len(shape["enum"]) < 6:  # a longer list is in the description
        return " or ".join(f"`{value}`" for value in shape["enum"])
    declared = shape.get("type", "object")
    name = declared if isinstance(declared, str) else declared[0]
    return _TYPES[name] + _range(shape)


def _range(shape: Mapping[str, Any]) -> str:
    low, above = shape.get("minimum"), shape.get("exclusiveMinimum")
    high = shape.get("maximum")
    if low is not None and high is not None:
        return f", {low:,} to {high:,}"
    if above is not None:
        return f", above {above:,}" + (f", at most {high:,}" if high is not None else "")
    return f", at least {low:,}" if low is not None else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.default
    if field.default_factory is not None or value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def with_reference(page: str) -> str:
    """The page with the reference between its markers brought up to date.

    Raises:
        ValueError: the markers are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has lost its markers {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{field_reference()}\n{END}{after}"


def write_reference(docs: Path) -> None:
    """Brings the page and the schema in a documentation directory up to date."""
    page = docs / PAGE
    page.write_text(with_reference(page.read_text(encoding="utf-8")), encoding="utf-8")
    (docs / FILE_NAME).write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
