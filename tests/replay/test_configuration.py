"""Which threshold decides, and which of the ledger's entries are decisions."""

from pathlib import Path

from router.access.caller import MAIN_ACCOUNT
from router.ledger.entry import encode
from router.replay.asked import Past
from router.replay.configuration import Configuration, Terms
from router.replay.recorded import Wanted, read_recorded
from router.routes.certificate import CertificateInForce
from router.routes.threshold import Threshold
from router.routes.thresholds import Change, Thresholds
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import an_entry
from tests.replay.configured import CONFIG

CERTIFICATE = CertificateInForce(
    threshold=0.2,
    floor=0.95,
    confidence=0.95,
    lower_bound=0.96,
    large_share=0.4,
    n=1_000,
    method="betting",
    made_at="2026-11-24T00:00:00+00:00",
    source="outcomes.jsonl",
    provisional=False,
    classifier="c",
    small="tiny",
    large="big",
)


def made(folder: Path, *, as_recorded: bool = False, **thresholds: float) -> Configuration:
    path = folder / "pennyroute.yaml"
    path.write_text(CONFIG)
    return Configuration.of(Terms("A", path, thresholds, as_recorded))


def past(threshold: Threshold, certificate: str = "") -> Past:
    return Past((), "small", "below_threshold", "tiny", threshold, certificate)


def test_a_named_threshold_comes_before_a_recorded_one_and_that_before_the_configured(tmp_path: Path):
    then = past(Threshold("default", 0.4, 7, "key", 0, ""))
    for configuration, value in (
        (made(tmp_path), 0.12),
        (made(tmp_path, as_recorded=True), 0.4),
        (made(tmp_path, as_recorded=True, default=0.6), 0.6),
    ):
        route = configuration.catalog.routes["default"]
        assert configuration.in_force(route, then)[1].value == value
    configuration = made(tmp_path, as_recorded=True)
    assert configuration.in_force(configuration.catalog.routes["default"], None)[1].value == 0.12


def test_a_recorded_threshold_keeps_its_certificate_and_one_that_lost_it_counts_as_certified(tmp_path: Path):
    configuration = made(tmp_path, as_recorded=True)
    route = configuration.catalog.routes["floored"]
    kept = Threshold("floored", 0.2, 3, "key", 0, "", CERTIFICATE)
    assert configuration.in_force(route, past(kept, CERTIFICATE.id)) == (route, kept)
    lost = Threshold("floored", 0.2, 3, "key", 0, "")
    assert configuration.in_force(route, past(lost, CERTIFICATE.id))[0].quality_floor is None
    assert configuration.in_force(route, past(lost))[0].quality_floor == 0.95


async def test_a_recorded_threshold_is_read_back_as_it_was_with_its_certificate_or_suspended(store: Store):
    thresholds = Thresholds(store)
    certified = await thresholds.set(Change("floored", 0.2, "key", certificate=CERTIFICATE))
    withdrawn = await thresholds.set(Change("floored", 0.2, "watch", certificate=CERTIFICATE, suspended=True))
    keys = AccountKeys(MAIN_ACCOUNT)
    for number, version in enumerate((certified.version, withdrawn.version, 99)):
        made_then = an_entry(
            f"d{number}",
            route="floored",
            threshold=0.2,
            threshold_version=version,
            certificate=CERTIFICATE.id,
        )
        await store.command("XADD", keys.entries, "*", "e", encode(made_then))
    found = await read_recorded(store, MAIN_ACCOUNT, Wanted())
    thresholds_then = [asked.past.threshold for asked in found.asked if asked.past]
    assert [one and one.certificate for one in thresholds_then] == [CERTIFICATE, CERTIFICATE, None]
    assert [one and one.suspended for one in thresholds_then] == [False, True, False]


async def test_what_an_audit_asked_and_what_is_still_going_on_are_no_decisions(store: Store):
    keys = AccountKeys(MAIN_ACCOUNT)
    some = (
        an_entry("answered"),
        an_entry("audited", purpose="audit"),
        an_entry("open", final=False),
        an_entry("torn", 2),
    )
    for one in some:
        await store.command("XADD", keys.entries, "*", "e", encode(one))
    found = await read_recorded(store, MAIN_ACCOUNT, Wanted())
    assert [asked.id for asked in found.asked] == ["answered"]
    assert found.open == 2
