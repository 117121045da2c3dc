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
