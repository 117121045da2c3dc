"""The certificate that stands with a route's threshold: what was proven, and of what."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import asdict, force_setattr

_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """What a route decides with now.

    Attributes:
        threshold: in force, 0-1.
        classifier: its id.
        small: name of the small model.
        large: name of the large model.
        answers: the route's fingerprint of who answers, see `catalog.Route`.
        floor: 0-1, that is wanted; 0 for none.
    """

    threshold: float
    classifier: str
    small: str
    large: str
    answers: str
    floor: float


class CertificateInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What was certified, and for what it holds.

    It holds for one classifier, one pair of models and what answers under their names, and one threshold:
    with any other it proves nothing.

    Attributes:
        id: `crt_` and 12 hex digits of the SHA-256 of all the rest.
        floor: 0-1, the share of always-large quality that is kept.
        confidence: 0-1.
        lower_bound: the lower confidence bound of that share; at least the floor.
        large_share: share of the outcomes it was made on that go to large.
        n: how many outcomes those were.
        method: which bound it was made with.
        made_at: when, ISO 8601.
        source: on which outcomes.
        provisional: it rests on a judge's scores alone, which may be biased by more than the floor's slack.
        classifier: id of the classifier whose difficulties were compared.
        small: name of the small model.
        large: name of the large model.
        answers: the fingerprint of who answers under these names, and within which caps, on the route that it
            was made for; '' where it was made for none, and then it proves nothing of any.
        correction: by how much hand scores changed what a row fell short of the floor, on average; to be
            added to that of a judge's scores. -1 to 1, 0 without hand scores.
        judged_by: the judges whose scores that was measured on.
    """

    id: str = ""
    threshold: float
    floor: float
    confidence: float
    lower_bound: float
    large_share: float
    n: int
    method: str
    made_at: str
    source: str
    provisional: bool
    classifier: str
    small: str
    large: str
    answers: str = ""
    correction: float = 0.0
    judged_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.id:
            force_setattr(self, "id", self._content_id())

    @property
    def genuine(self) -> bool:
        """Whether its id is that of its content: nothing in it was changed."""
        return self.id == self._content_id()

    def unlike(self, now: DecidedBy) -> str:
        """In what it was made for something else than this, in words; '' where it proves this."""
        if self.threshold != now.threshold:
            return f"it is of threshold {self.threshold!r}, and {now.threshold!r} is in force"
        if self.classifier != now.classifier:
            return f"it was made for another classifier ({self.classifier}; this is {now.classifier})"
        if (self.small, self.large) != (now.small, now.large):
            return (
                f"it was made for other models ({self.small} and {self.large}; these are {now.small} and "
                f"{now.large})"
            )
        if self.answers != now.answers:
            return (
                f"what answers as {now.small} and {now.large} changed since (another provider, base_url or "
                "upstream model of one, or other caps of the route)"
            )
        if self.floor < now.floor:
            return f"it is of a lower floor ({self.floor:g}; the route's is {now.floor:g})"
        return ""

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return asdict(self)

    def _content_id(self) -> str:
        content = {name: value for name, value in asdict(self).items() if name != "id"}
        return f"crt_{hashlib.sha256(_encoder.encode(content)).hexdigest()[:12]}"


def encode_certificate(certificate: CertificateInForce | None) -> str:
    """The stored form: JSON; '' for none."""
    return "" if certificate is None else _encoder.encode(certificate).decode()


def decode_certificate(text: str) -> CertificateInForce | None:
    """The inverse.

    Raises:
        msgspec.ValidationError: not a certificate.
    """
    return msgspec.json.decode(text, type=CertificateInForce) if text else None
