"""Claims in a real store of each kind, and in one that refuses keys on two slots."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from router.answers.claims import ALLOW, Claims, State
from router.answers.terms import IdempotencyTerms
from router.store.connection import Store
from tests.answers.config import CONFIG, ENVIRON
from tests.http.config import ask
from tests.ledger.test_cluster import clustered as clustered  # noqa: PLC0414 - a fixture
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

PRINT = "a fingerprint"
TERMS = IdempotencyTerms(lease_s=600)
DYING = IdempotencyTerms(lease_s=0.001)


async def test_a_key_is_had_by_one_request_until_it_gives_it_back(store: Store):
    claims = Claims(store, TERMS)
    first, second = claims.new("main", "k", "dec_1"), claims.new("main", "k", "dec_2")
    assert (await claims.make(first, PRINT)).state is State.OURS
    assert (await claims.make(first, PRINT)).state is State.OURS  # sent again: a connection broke
    found = await claims.make(second, PRINT)
    assert (found.state, found.decision_id) == (State.BUSY, "dec_1")
    assert (await claims.make(second, "another")).state is State.OTHER
    await claims.release(second)  # not its own
    assert (await claims.make(second, PRINT)).state is State.BUSY
    await claims.release(first)
    assert (await claims.make(second, PRINT)).state is State.OURS


async def test_one_of_many_at_once_has_it(store: Store):
    claims = Claims(store, TERMS)
    every = [claims.new("main", "k", f"dec_{at}") for at in range(100)]
    found = await asyncio.gather(*(claims.make(claim, PRINT) for claim in every))
    assert [one.state for one in found].count(State.OURS) == 1


async def test_what_is_left_is_found_and_replaced_only_as_allowed(store: Store):
    claims = Claims(store, TERMS)
    for state, sealed in ((State.ANSWERED, b"a"), (State.FAILED, b"b"), (State.UNKEPT, b"")):
        name = state.value
        await claims.make(first := claims.new("main", name, "dec_1"), PRINT)
        await claims.finish(first, state, sealed)
        again = claims.new("main", name, "dec_2")
        found = await claims.make(again, PRINT)
        assert (found.state, found.decision_id, found.sealed) == (state, "dec_1", sealed)
        assert (await claims.make(again, PRINT, replacing="dec_0")).state is state
        allowed = await claims.make(again, PRINT, replacing=ALLOW)
        assert (allowed.state is State.OURS) is (state is not State.ANSWERED)
        await claims.finish(first, State.ANSWERED, b"late")  # its key is another's now, or answered already
    unreadable = claims.new("main", "answered", "dec_3")
    assert (await claims.make(unreadable, PRINT, replacing="dec_1")).state is State.OURS


async def test_a_claim_nobody_extends_is_a_dead_workers_and_may_still_be_answered(store: Store):
    dying = Claims(store, DYING)
    first, second = dying.new("main", "k", "dec_1"), dying.new("main", "k", "dec_2")
    await dying.make(first, PRINT)
    while (found := await dying.make(second, PRINT)).state is State.BUSY:
        pass
    assert (found.state, found.decision_id) == (State.DEAD, "dec_1")
    await dying.finish(first, State.ANSWERED, b"it lived")
    assert (await dying.make(second, PRINT)).sealed == b"it lived"


async def test_who_calls_again_is_not_overtaken_by_the_dead(store: Store):
    dying = Claims(store, DYING)
    first, second = dying.new("main", "k", "dec_1"), dying.new("main", "k", "dec_2")
    await dying.make(first, PRINT)
    while (await dying.make(second, PRINT, replacing=ALLOW)).state is not State.OURS:
        pass
    await dying.finish(first, State.ANSWERED, b"the first")
    await dying.release(first)
    await dying.finish(second, State.ANSWERED, b"the second")
    assert (await dying.make(first, PRINT)).sealed == b"the second"


async def test_claims_are_extended_account_by_account_and_nothing_is_left_for_good(clustered: Store):
    claims = Claims(clustered, TERMS)
    every = [claims.new(account, f"k{at}", "dec_1") for account in ("main", "acme") for at in range(3)]
    for claim in every:
        await claims.make(claim, PRINT)
    before = [int(await clustered.command("HGET", claim.key, "until")) for claim in every]
    await claims.finish(every[0], State.ANSWERED, b"sealed")
    while int(await clustered.command("HGET", every[-1].key, "until")) == before[-1]:
        await claims.prolong()
    after = [int(await clustered.command("HGET", claim.key, "until")) for claim in every]
    assert after[0] == before[0]
    assert all(now > then for now, then in zip(after[1:], before[1:], strict=True))
    await claims.release(every[1])
    for key in await clustered.command("KEYS", "*"):
        assert 0 < await clustered.command("TTL", key) <= TERMS.keep_s


def test_two_workers_make_one_call_of_ten_requests(upstream: OpenAIWire, tmp_path: Path) -> None:
    upstream.clear()
    upstream.play("slow")
    config, headers = CONFIG.format(url=upstream.base_url, more=""), {"idempotency-key": uuid.uuid4().hex}
    with Service(tmp_path, config, environ=ENVIRON, arguments=("--workers", "2")) as service:

        def one(_: int) -> tuple[int, bytes]:
            with service.client() as client:  # a connection of its own, so that either worker may get it
                response = client.post("/complete", json=ask(), headers=headers)
                return response.status_code, response.content

        with ThreadPoolExecutor(10) as pool:
            every = set(pool.map(one, range(10)))
        assert len(every) == 1
        assert next(iter(every))[0] == 200
        assert service.settled().entries == 1
    assert len(upstream.seen) == 1
    assert "Traceback" not in service.said, service.said
