"""Whether a certificate holds for what a route decides now, and if not, why."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from router.catalog import Route
from router.routes.certificate import CertificateInForce, DecidedBy
from router.routes.threshold import Threshold

NONE: Final = "there is no certificate"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the certificate of the threshold in force proves anything now.

    Attributes:
        holds: `None` without a certificate.
        why_not: `None` where it holds, and without one.
    """

    holds: bool | None
    why_not: str | None

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return asdict(self)


def standing_of(route: Route, threshold: Threshold, classifier: str) -> Standing:
    """How the certificate stands, as `why_not` says it."""
    if threshold.certificate is None:
        return Standing(None, None)
    lapsed = why_not(route, threshold, classifier)
    return Standing(not lapsed, lapsed or None)


def certificate_of(route: Route, threshold: Threshold, classifier: str) -> CertificateInForce | None:
    """The certificate that holds: none if anything it was made for changed.

    Args:
        route: as it is configured.
        threshold: in force.
        classifier: id of the one that the service decides with.
    """
    return None if why_not(route, threshold, classifier) else threshold.certificate


def lacking(route: Route, threshold: Threshold | None, classifier: str) -> str:
    """What a person should know of the proof that a route has or wants, in words; '' if nothing is amiss.

    Args:
        route: as it is configured.
        threshold: in force; `None` where the store has seen none yet.
        classifier: id of the one that the service decides with.
    """
    if threshold is not None and threshold.suspended:
        return "the watch suspended its certificate: all goes to large"
    proof = threshold.certificate if threshold is not None else None
    lapsed = why_not(route, threshold, classifier) if threshold is not None else NONE
    if lapsed and route.quality_floor is not None:
        why = lapsed if proof is None else f"{proof.id} does not hold, {lapsed}"
        return f"quality floor {route.quality_floor:g}, and {why}: all goes to large"
    return f"{proof.id} does not hold: {lapsed}" if lapsed and proof is not None else ""


def why_not(route: Route, threshold: Threshold, classifier: str) -> str:
    """What keeps the threshold's certificate from proving anything of the route, in words; '' if it holds."""
    found = threshold.certificate
    if found is None:
        return NONE
    if threshold.suspended:
        return "the watch withdrew it"
    if route.answer_nano is not None:
        return "the route weighs what an answer is worth (value_usd) and has no threshold"
    return found.unlike(
        DecidedBy(
            threshold=threshold.value,
            classifier=classifier,
            small=route.small.name,
            large=route.large.name,
            answers=route.answers,
            floor=route.quality_floor or 0.0,
        )
    )
