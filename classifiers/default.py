"""The classifier that is used where a route names none."""

import logging
from pathlib import Path
from typing import Final

from classifiers.artifact import load_artifact
from classifiers.errors import ArtifactError
from classifiers.heuristic import Heuristic
from classifiers.model import LearnedClassifier

SHIPPED: Final = Path(__file__).parent / "artifact"

_log = logging.getLogger(__name__)


def default_classifier(directory: Path = SHIPPED) -> LearnedClassifier | Heuristic:
    """The shipped artifact; if it does not fit, the heuristic with `fallback_reason` set, and a warning."""
    try:
        return load_artifact(directory)
    except ArtifactError as error:
        _log.warning("the shipped classifier does not fit, using the heuristic: %s", error)
        return Heuristic(fallback_reason=str(error))
