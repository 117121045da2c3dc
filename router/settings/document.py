"""A configuration file as plain data that still knows its lines."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from router.settings.problems import ConfigProblem, clean, shown

MAX_BYTES: Final = 256 * 1024
_MAX_NODES: Final = 50_000
_MAX_DEPTH: Final = 20
_MAX_DIGITS: Final = 30
_MERGE: Final = "<<"

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2: `no` is a word, `12:30` is no number and `1e-3` is one."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the name and shape PyYAML reads


_SCALARS: Final = (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        "-+.0123456789",
    ),
)
for _name, _form, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_form})$"), list(_first))


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says.

    Attributes:
        data: mappings, lists, texts, numbers, booleans and `None`; keys are always texts.
        lines: path → line, from 1.
        problems: what kept parts of the file from being read.
    """

    data: Any = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    problems: tuple[ConfigProblem, ...] = ()

    def line(self, path: Path) -> int | None:
        """The line of a path, or of the nearest section around it; `None` for what the file leaves out."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return None


def read_document(content: bytes) -> Document:
    """Reads one YAML document; never raises for what is in it, and bounds its size, depth and aliases."""
    if len(content) > MAX_BYTES:
        return _unreadable(
            None, f"the file has {len(content)} bytes; a configuration has at most {MAX_BYTES}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _unreadable(line, "the file is not UTF-8 text", "save it as UTF-8")
    try:
        return _document(yaml.compose(text, Loader=_Loader))
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        return _unreadable(line, "a character that YAML does not allow", "remove the control character")
    except yaml.MarkedYAMLError as error:
        return _not_yaml(error)
    except RecursionError:
        return _unreadable(None, "the file is nested too deeply")


def _document(node: Node | None) -> Document:
    if node is None:
        return Document()
    reading = _Reading()
    data = reading.value(node, (), 0)
    return Document(data, reading.lines, tuple(reading.problems))


def _not_yaml(error: yaml.MarkedYAMLError) -> Document:
    mark = error.problem_mark or error.context_mark
    tab = "\\t" in (error.problem or "")
    hint = "indent with spaces, not tabs" if tab else "look for a missing colon, quote, bracket or indent"
    # The quoted part of PyYAML's message may be the text of a key.
    what = re.sub(r"'[^'\s]{4,}'", "…", error.problem or "")
    return _unreadable(None if mark is None else mark.line + 1, f"this is not YAML: {what}", hint)


def _unreadable(line: int | None, message: str, suggestion: str | None = None) -> Document:
    return Document(problems=(ConfigProblem("", line, message, suggestion),))


def dotted(path: Path) -> str:
    """`routes.support.fallbacks[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{clean(part)}" if text else clean(part)
    return text


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == _MERGE and key.style is None


class _Reading:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[ConfigProblem] = []
        self._nodes = 0

    def value(self, node: Node, path: Path, depth: int) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._nodes += 1
        if self._nodes > _MAX_NODES or depth > _MAX_DEPTH:
            # Aliases can make a small file endless.
            if self._nodes <= _MAX_NODES + 1:
                self._problem(path, node, "nested too deeply, or too many aliases")
            self._nodes = max(self._nodes, _MAX_NODES + 1)
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                for other in self._merged(value_node, path, depth):
                    merged = {**other, **merged}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                continue
            if not isinstance(key_node, ScalarNode):
                self._problem(path, key_node, "a field name must be plain text")
                continue
            key = key_node.value
            inside = (*path, key)
            if key in found:
                first = self.lines[inside]
                self._problem(
                    inside,
                    key_node,
                    f"{shown(key)} is set twice, first in line {first}",
                    "keep one of the two",
                )
                continue
            self.lines[inside] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, inside, depth + 1)
        return {**merged, **found}

    def _merged(self, node: Node, path: Path, depth: int) -> Iterator[dict[str, Any]]:
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            if isinstance(each, MappingNode):
                yield self.value(each, path, depth + 1)
            else:
                self._problem(path, each, "<< takes a mapping or a list of mappings")

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = str(node.value)
        kind = node.tag.rsplit(":", 1)[-1]
        if kind == "null":
            return None
        if kind == "bool" and node.style is None:
            return text.lower() == "true"
        if kind in ("int", "float") and node.style is None:
            return self._number(node, path, text, kind)
        if kind != "str":
            self._problem(path, node, f"the tag {shown(node.tag)} is not read here", "write plain YAML")
        return text

    def _number(self, node: Node, path: Path, text: str, kind: str) -> int | float | None:
        if len(text) > _MAX_DIGITS:
            self._problem(path, node, f"a number of {len(text)} characters is too long to be meant")
            return None
        try:
            return int(text) if kind == "int" else _float(text)
        except ValueError:  # only an explicit tag such as `!!int abc` gets here
            self._problem(path, node, "the tag says a number, the text is none", "leave the tag out")
            return None

    def _problem(self, path: Path, node: Node, message: str, suggestion: str | None = None) -> None:
        self.problems.append(ConfigProblem(dotted(path), node.start_mark.line + 1, message, suggestion))


def _float(text: str) -> float:
    lowered = text.lower()
    if lowered.endswith(".nan"):
        return math.nan
    if lowered.endswith(".inf"):
        return -math.inf if lowered.startswith("-") else math.inf
    return float(text)
