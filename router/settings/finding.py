"""A problem before its line is known."""

from dataclasses import dataclass

from router.settings.document import Document, Path, dotted
from router.settings.problems import ConfigProblem, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a path of the configuration."""

    path: Path
    message: str
    suggestion: str | None = None
    severity: Severity = Severity.ERROR

    def at(self, document: Document) -> ConfigProblem:
        """The same with the line that the path has in a document."""
        return ConfigProblem(
            dotted(self.path), document.line(self.path), self.message, self.suggestion, self.severity
        )
