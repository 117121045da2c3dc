"""Certificates for tests: of a threshold, a classifier and a pair of models, as `tune` would make them."""

from typing import Any

from router.routes.certificate import CertificateInForce
from router.setup import set_up
from tests.service import Service


def a_certificate(**changes: Any) -> CertificateInForce:
    """Of threshold 0.5, floor 0.95 at 95 % confidence, on 400 outcomes; `changes` are its fields."""
    fields: dict[str, Any] = {
        "threshold": 0.5,
        "floor": 0.95,
        "confidence": 0.95,
        "lower_bound": 0.957,
        "large_share": 0.3,
        "n": 400,
        "method": "test",
        "made_at": "2026-11-24T12:00:00+00:00",
        "source": "holdout.jsonl",
        "provisional": False,
        "classifier": "test",
        "small": "tiny",
        "large": "big",
    }
    return CertificateInForce(**(fields | changes))


def proven_on(service: Service, route: str = "default", **changes: Any) -> CertificateInForce:
    """The same for a route of a service as it is configured, so that it holds there."""
    made = set_up(service.config, service.environ)
    found = made.catalog.routes[route]
    its = {
        "classifier": made.classifier.id,
        "small": found.small.name,
        "large": found.large.name,
        "answers": found.answers,
    }
    return a_certificate(**(its | changes))
