"""Text → difficulty: the calibrated expected quality lost by answering with the small model (0 to 1)."""

from classifiers.artifact import load_artifact
from classifiers.default import default_classifier
from classifiers.difficulty import Classifier, Difficulty, Factor
from classifiers.errors import ArtifactError, ClassifierError
from classifiers.facts import QueryFacts
from classifiers.heuristic import Heuristic

__all__ = [
    "ArtifactError",
    "Classifier",
    "ClassifierError",
    "Difficulty",
    "Factor",
    "Heuristic",
    "QueryFacts",
    "default_classifier",
    "load_artifact",
]
