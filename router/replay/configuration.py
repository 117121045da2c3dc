"""A configuration that traffic is replayed through: catalog, classifier, prices and thresholds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from classifiers import Classifier
from router.catalog import Catalog, Route
from router.errors import InvalidRequest
from router.pricing.book import PriceBook
from router.replay.asked import Past
from router.routes.threshold import Threshold
from router.routes.thresholds import CONFIG
from router.settings.checked import without_model_keys
from router.setup import set_up

_NAMED = "named for the replay"


@dataclass(frozen=True, slots=True)
class Terms:
    """Which file, and which thresholds.

    Attributes:
        label: what reports call it.
        thresholds: route → threshold to decide with, in place of the configured one.
        as_recorded: else each decision is made at the threshold that was in force, where that is known.
    """

    label: str
    config: Path
    thresholds: Mapping[str, float] = field(default_factory=dict)
    as_recorded: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides and prices, made from its terms."""

    terms: Terms
    catalog: Catalog
    classifier: Classifier
    book: PriceBook

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.terms.label

    @classmethod
    def of(cls, terms: Terms) -> "Configuration":
        """Reads a file; models' keys need not be set, for nobody is called.

        Raises:
            PennyrouteError: with every problem of the file, or a threshold that is none or of no route.
        """
        made = set_up(terms.config, without_model_keys(terms.config, os.environ))
        for name, value in terms.thresholds.items():
            made.catalog.route(name)
            if not 0.0 <= value <= 1.0:
                raise InvalidRequest(
                    f"a threshold is a number from 0 to 1, not {value} ({name})", param="threshold"
                )
        return cls(terms, made.catalog, made.classifier, made.book)

    def in_force(self, route: Route, past: Past | None) -> tuple[Route, Threshold]:
        """The threshold to decide with, and the route as it then is.

        A threshold that was named counts as if it were certified: a route's `quality_floor` or `value_usd`
        would else keep it from being tried. So does a recorded one whose certificate is no longer kept.
        """
        value = self.terms.thresholds.get(route.name)
        if value is not None:
            open_ = replace(route, quality_floor=None, answer_nano=None)
            return open_, Threshold(route.name, value, 0, CONFIG, 0, _NAMED)
        if self.terms.as_recorded and past is not None and past.threshold is not None:
            lost = bool(past.certificate) and past.threshold.certificate is None
            return (replace(route, quality_floor=None) if lost else route), past.threshold
        return route, Threshold(route.name, route.threshold, 0, CONFIG, 0, "")
