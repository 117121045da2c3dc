"""An audit whose store goes away meanwhile: its money and its outcome are there once the store is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.config import CONFIG, KEY, chat
from tests.audit.looking import asked, outcome_of
from tests.audit.tongues import Tongues
from tests.service import Service
from tests.store.servers import MakeServer


@pytest.fixture(scope="module")
def upstream() -> Iterator[Tongues]:
    with Tongues() as running:
        yield running


def test_an_audit_during_which_the_store_is_away_is_paid_for_and_kept(
    own_server: MakeServer, upstream: Tongues, tmp_path: Path
):
    store = own_server()
    environ = {"TINY_KEY": KEY, "REDIS_URL": store.url}
    upstream.hold("tiny-1")
    service = Service(tmp_path, CONFIG.format(url=upstream.base_url), environ=environ)
    with service, service.client() as client:
        decision_id = asked(client, chat())
        service.until(lambda: len(upstream.of("tiny-1")), lambda seen: seen == 1)
        store.kill()
        upstream.release("tiny-1")
        service.until(lambda: upstream.of("tiny-1")[0].answered, bool)
        store.start()
        outcome = outcome_of(service, decision_id)
        assert outcome.complete
        found = service.settled()
        assert found.cost_nano == (outcome.small.cost_nano or 0) + (outcome.large.cost_nano or 0)


def test_while_the_store_is_away_callers_are_answered_and_audits_wait(
    own_server: MakeServer, upstream: Tongues, tmp_path: Path
):
    store = own_server()
    environ = {"TINY_KEY": KEY, "REDIS_URL": store.url}
    service = Service(tmp_path, CONFIG.format(url=upstream.base_url), environ=environ)
    with service, service.client() as client:
        outcome_of(service, asked(client, chat()))
        upstream.clear()
        store.kill()
        decision_id = asked(client, chat())
        assert [seen.body["model"] for seen in upstream.seen] == ["big-1"]
        store.start()
        assert outcome_of(service, decision_id).complete
        assert [seen.body["model"] for seen in upstream.seen] == ["big-1", "tiny-1"]
        service.settled()
