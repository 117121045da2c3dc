"""What can go wrong in this room, in one tree."""


class ClassifierError(Exception):
    """Anything a caller of `classifiers` may want to catch; its text is meant for people."""


class ArtifactError(ClassifierError):
    """No artifact that this version can read: missing, altered, or made by other features."""


class OutcomeError(ClassifierError):
    """Outcome data cannot be used: unreadable, too few rows, or a bad row in strict reading."""


class RowError(ClassifierError, ValueError):
    """A row or a line does not have the shape it should; the text says which part and what would be right."""


class QueryLineError(ClassifierError):
    """A line given to the scorer is not `{"id", "query"}`; the text names the line, counted from 1."""
