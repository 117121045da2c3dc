"""Certificates for tests: of a threshold, a classifier and a pair of models, as `tune` would make them."""

from typing import Any

from router.routes.certificate import CertificateInForce


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
