"""What can be wrong with a configuration file, said so that a person can mend it."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from router.errors import SetupError

_SHOWN_CHARS: Final = 60
_CLOSE_ENOUGH: Final = 0.6
_LISTED: Final = 20
_HIDDEN: Final = "[hidden]"
_SHORTEST_SECRET: Final = 4
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Severity(StrEnum):
    """Whether the service may start all the same."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing to mend.

    Attributes:
        path: dotted path of the field, such as `routes.support.small`; empty for the file as a whole.
        line: line in the file, from 1; `None` when it belongs to no line.
        message: what is wrong. Never holds the value of a key.
        suggestion: what would be right, when that can be said.
        severity: a warning does not stop the start.
        file: name of the file, as the person gave it.
    """

    path: str
    line: int | None
    message: str
    suggestion: str | None = None
    severity: Severity = Severity.ERROR
    file: str = "pennyroute.yaml"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        warning = "warning: " if self.severity is Severity.WARNING else ""
        field = f"{self.path}: " if self.path else ""
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{place}: {warning}{field}{self.message}{hint}"


class ConfigError(SetupError):
    """The configuration cannot be used; `problems` says all that is wrong with it."""

    code = "config_error"

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        """Takes every problem found, warnings included."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "tiny"?`, or else the names there are; `None` when there are none."""
    names = sorted(known)
    near = difflib.get_close_matches(word[:_SHOWN_CHARS], names, n=1, cutoff=_CLOSE_ENOUGH)
    if near:
        return f'did you mean "{near[0]}"?'
    more = ", …" if len(names) > _LISTED else ""
    return f"there are: {', '.join(names[:_LISTED])}{more}" if names else None


def clean(text: str) -> str:
    """The text on one line, printable and not too long."""
    plain = _CONTROL.sub("\ufffd", text)
    return plain if len(plain) <= _SHOWN_CHARS else f"{plain[:_SHOWN_CHARS]}…"


def shown(text: str) -> str:
    """The same in quotes."""
    return f'"{clean(text)}"'


def without_secrets(problem: ConfigProblem, secrets: Iterable[str]) -> ConfigProblem:
    """The same problem with every secret blotted out, also where a message cut one short."""
    message, hint = problem.message, problem.suggestion
    for secret in sorted({part for whole in secrets for part in _forms(whole)}, key=len, reverse=True):
        message = message.replace(secret, _HIDDEN)
        hint = hint.replace(secret, _HIDDEN) if hint else hint
    return replace(problem, message=message, suggestion=hint)


def _forms(secret: str) -> set[str]:
    plain = _CONTROL.sub("\ufffd", secret)
    return {form for form in (secret, plain, plain[:_SHOWN_CHARS]) if len(form) >= _SHORTEST_SECRET}
