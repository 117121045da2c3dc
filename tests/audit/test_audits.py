"""A drawn query is answered by both tiers: the caller gets the routed answer, the other one is booked as audit."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.audit.draw import lot_of
from router.ledger.entry import Entry, decode
from router.outcomes.store import Outcomes
from router.store.connection import Store
from router.store.keys import AUDIT_SALT, AccountKeys
from tests.audit.config import CONFIG, KEY, PROMPT, chat
from tests.audit.looking import asked, outcome_of, scores
from tests.audit.tongues import Tongues
from tests.http.wire import events_of
from tests.service import Service
from tests.upstreams.answers import OK_TEXT, Spoken

CHAT = "/v1/chat/completions"


def entries(service: Service) -> list[Entry]:
    async def read(store: Store) -> list[Entry]:
        return [decode(fields[b"e"]) async for _, fields in store.stream(AccountKeys("main").entries)]

    return service.in_store(read)


def test_the_other_tier_answers_too_and_what_it_costs_is_in_the_ledger_to_the_nano_dollar(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"big-1": "Paris, on the Seine.", "tiny-1": "paris on the seine"}
    before = service.settled()
    count = len(entries(service))
    response = client.post(CHAT, json=chat())
    assert response.json()["choices"][0]["message"]["content"] == "Paris, on the Seine."
    decision_id = response.headers["x-pennyroute-decision-id"]
    outcome = outcome_of(service, decision_id)
    assert (outcome.tier, outcome.small.model, outcome.large.model) == ("large", "tiny", "big")
    assert (scores(outcome), outcome.judged_by, outcome.missing) == ((1.0, 1.0), "agreement", "")
    assert (outcome.share, outcome.threshold) == (1.0, 0.0)
    assert outcome.drawn is not None

    after = service.settled()
    routed, audit = entries(service)[count:]
    assert (routed.purpose, routed.tier, routed.decision_id) == ("", "large", decision_id)
    assert (audit.purpose, audit.tier, audit.reason) == ("audit", "small", "audit")
    assert audit.baseline_nano == 0
    assert (outcome.small.cost_nano, outcome.large.cost_nano) == (audit.cost_nano, routed.cost_nano)
    assert audit.cost_nano == 15 * 100 + 9 * 400
    assert after.cost_nano - before.cost_nano == routed.cost_nano + audit.cost_nano


def test_where_the_small_model_answered_the_large_one_is_asked(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"big-1": "Paris", "tiny-1": "Lyon"}
    response = client.post(CHAT, json=chat("easy", "What is the capital of France?"))
    assert response.json()["choices"][0]["message"]["content"] == "Lyon"
    outcome = outcome_of(service, response.headers["x-pennyroute-decision-id"])
    assert (outcome.tier, scores(outcome)) == ("small", (0.0, 1.0))
    assert outcome.difficulty is not None
    assert outcome.difficulty < 1.0
    assert (outcome.small.cost_nano or 0) < (outcome.large.cost_nano or 0)


def test_a_report_has_the_cost_of_audits_and_counts_them_as_no_requests(
    service: Service, client: httpx.Client
):
    def total() -> dict[str, Any]:
        found: dict[str, Any] = client.get("/v1/reports/routes").json()["total"]
        return found

    before = total()
    for _ in range(3):
        outcome_of(service, asked(client, chat()))
    after = total()
    assert after["requests"] - before["requests"] == 3
    assert after["attempts"] - before["attempts"] == 6
    assert after["nano_usd"] == service.settled().cost_nano


def test_what_a_decision_drew_and_who_answered_for_its_audit_can_be_looked_up(
    service: Service, client: httpx.Client
):
    decision_id = asked(client, chat())
    outcome = outcome_of(service, decision_id)
    audited = client.get(f"/v1/decisions/{decision_id}").json()
    assert audited["audit"]["share"] == 1.0
    assert audited["audit"]["drawn"] == outcome.drawn
    assert audited["audit"]["chosen"] is True
    assert (audited["purpose"], audited["audits"]) == ("", "")
    audit = client.get(f"/v1/decisions/{audited['audit']['audit_id']}").json()
    assert (audit["purpose"], audit["audits"], audit["audit"]) == ("audit", decision_id, None)
    assert (audit["status"], audit["model"], audit["reason"]) == ("ok", "tiny", "audit")
    assert audit["cost"]["nano_usd"] == outcome.small.cost_nano
    assert "messages" not in audit
    assert "output" not in audit


def test_the_same_query_goes_to_both_models(service: Service, client: httpx.Client, upstream: Tongues):
    outcome_of(service, asked(client, chat(temperature=0.2, max_tokens=50, seed=3)))
    (routed,), (audit,) = upstream.of("big-1"), upstream.of("tiny-1")
    assert {**routed.body, "model": ""} == {**audit.body, "model": ""}


def test_the_caller_has_the_answer_while_the_other_model_still_thinks(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.hold("tiny-1")
    decision_id = asked(client, chat())
    service.until(lambda: len(upstream.of("tiny-1")), lambda seen: seen == 1)
    assert upstream.of("big-1")[0].answered
    assert not upstream.of("tiny-1")[0].answered
    upstream.release("tiny-1")
    assert outcome_of(service, decision_id).complete


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_a_streamed_answer_is_audited_by_a_whole_one(
    service: Service, client: httpx.Client, upstream: Tongues, options: dict[str, Any]
):
    upstream.texts = {"tiny-1": f"**{OK_TEXT.upper()}**"}
    with client.stream("POST", CHAT, json=chat(stream=True, **options)) as response:
        response.read()
        decision_id = response.headers["x-pennyroute-decision-id"]
    outcome = outcome_of(service, decision_id)
    assert scores(outcome) == (1.0, 1.0)
    (audit,) = upstream.of("tiny-1")
    assert "stream" not in audit.body
    assert "stream_options" not in audit.body


def test_a_streamed_completion_is_audited_as_well(service: Service, client: httpx.Client):
    with client.stream("POST", "/complete", json={"query": PROMPT, "stream": True}) as response:
        text = response.read().decode()
    decision_id = events_of(text)[-1][1]["decision"]["id"]
    assert outcome_of(service, decision_id).complete


def test_a_completion_of_our_own_form_is_audited(service: Service, client: httpx.Client):
    decision_id = client.post("/complete", json={"query": PROMPT}).json()["decision"]["id"]
    assert outcome_of(service, decision_id).complete


@pytest.mark.parametrize(
    "sent",
    [
        {"json": chat(), "headers": {"x-pennyroute-tier": "large"}},
        {"json": chat("big")},
        {"json": chat("plain")},
    ],
    ids=["forced", "direct", "not an audited route"],
)
def test_nothing_is_drawn_where_the_route_did_not_choose_or_is_not_audited(
    service: Service, client: httpx.Client, upstream: Tongues, sent: dict[str, Any]
):
    response = client.post(CHAT, **sent)
    decision_id = response.headers["x-pennyroute-decision-id"]
    assert client.get(f"/v1/decisions/{decision_id}").json()["audit"] is None
    outcome_of(service, asked(client, chat()))  # what comes later has come
    assert len(upstream.of("tiny-1")) == 1


def test_a_dry_run_draws_nothing(client: httpx.Client, upstream: Tongues):
    assert client.post("/complete", json={"query": PROMPT, "dry_run": True}).status_code == 200
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("route", "missing"),
    [("sick-large", "fallback"), ("sick-small", "other_failed")],
)
def test_why_a_drawn_query_has_no_scores_is_recorded(
    service: Service, client: httpx.Client, route: str, missing: str
):
    outcome = outcome_of(service, asked(client, chat(route)))
    assert (outcome.missing, outcome.complete, outcome.share) == (missing, False, 1.0)
    service.settled()


def the_missing(service: Service, route: str) -> list[str]:
    """Why the outcomes of a route have no scores, newest first."""
    return [outcome.missing for outcome in outcomes(service, route)]


def outcomes(service: Service, route: str) -> list[Any]:
    async def read(store: Store) -> list[Any]:
        return [found async for found in Outcomes(store).each("main", route)]

    return service.in_store(read)


def test_a_failed_answer_is_recorded_as_missing(service: Service, client: httpx.Client):
    assert client.post(CHAT, json=chat("failing")).status_code == 502
    service.until(lambda: the_missing(service, "failing"), lambda found: found == ["failed"])


def test_a_stream_that_breaks_is_recorded_as_missing(service: Service, client: httpx.Client):
    with client.stream("POST", CHAT, json=chat("breaking", stream=True)) as response:
        response.read()
    service.until(lambda: the_missing(service, "breaking"), lambda found: found == ["failed"])


def test_a_caller_who_leaves_is_recorded_as_missing(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.play("hang-midway")
    with client.stream("POST", CHAT, json=chat("regex", stream=True)) as response:
        next(response.iter_raw())
    service.until(lambda: the_missing(service, "regex")[:1], lambda found: found == ["client_gone"])


def test_tool_calls_have_no_text_to_judge(service: Service, client: httpx.Client):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    outcome = outcome_of(service, asked(client, chat("judged", tools=[tool])))
    assert outcome.missing == "no_text"


def test_what_the_other_model_cannot_take_is_not_sent_to_it(
    service: Service, client: httpx.Client, upstream: Tongues
):
    outcome = outcome_of(service, asked(client, chat(text="word " * 6_000)))
    assert outcome.missing == "other_cannot_take"
    assert upstream.of("tiny-1") == []


@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
def test_tool_calls_have_no_text_whoever_answers_and_whatever_their_finish_reason_is(
    service: Service, client: httpx.Client, upstream: Tongues, finish: str
):
    upstream.say(a_tool_call(finish))
    assert outcome_of(service, asked(client, chat())).missing == "no_text"
    upstream.play("ok")
    upstream.say(a_tool_call(finish))
    outcome = outcome_of(service, asked(client, chat()))
    assert outcome.missing == "other_no_text"
    assert outcome.small.cost_nano == 15 * 100 + 9 * 400


def a_tool_call(finish: str) -> Spoken:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    usage = {"prompt_tokens": 15, "completion_tokens": 9, "total_tokens": 24}
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    return Spoken([json.dumps({"id": "x", "choices": choices, "usage": usage}).encode()])


def test_tool_calls_of_a_stream_have_no_text(service: Service, client: httpx.Client):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    with client.stream("POST", CHAT, json=chat("judged", tools=[tool], stream=True)) as response:
        response.read()
    outcome = outcome_of(service, response.headers["x-pennyroute-decision-id"])
    assert outcome.missing == "no_text"


def test_an_answer_that_is_to_be_heard_has_no_text(service: Service, client: httpx.Client):
    spoken = chat(modalities=["text", "audio"], audio={"voice": "ash", "format": "mp3"})
    assert outcome_of(service, asked(client, spoken)).missing == "no_text"


@pytest.mark.parametrize("route", ["default", "schema", "regex", "judged"])
@pytest.mark.parametrize("nothing", ["", " \n"])
def test_an_answer_that_says_nothing_is_worth_nothing_whoever_judges(
    service: Service, client: httpx.Client, upstream: Tongues, route: str, nothing: str
):
    good = '{"city": "Paris"}' if route == "schema" else "Paris"
    upstream.texts = {"tiny-1": nothing, "big-1": good}
    outcome = outcome_of(service, asked(client, chat(route)))
    assert (outcome.missing, scores(outcome)) == ("", (0.0, 1.0))
    upstream.texts = {"tiny-1": nothing, "big-1": nothing}
    outcome = outcome_of(service, asked(client, chat(route)))
    assert (outcome.missing, scores(outcome)) == ("", (0.0, 0.0))
    assert upstream.of("judge-1") == []  # nothing to compare


def test_a_caller_who_was_told_nothing_is_audited_like_any_other(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"tiny-1": "", "big-1": "Paris"}
    outcome = outcome_of(service, asked(client, chat("easy", "What is the capital of France?")))
    assert (outcome.tier, outcome.missing, scores(outcome)) == ("small", "", (0.0, 1.0))


def test_no_more_audits_go_on_at_once_than_the_route_says(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.hold("waiting-1")
    first = asked(client, chat("narrow"))
    service.until(lambda: len(upstream.of("waiting-1")), lambda seen: seen == 1)
    assert outcome_of(service, asked(client, chat("narrow"))).missing == "busy"
    upstream.release("waiting-1")
    assert outcome_of(service, first).complete
    assert outcome_of(service, asked(client, chat("narrow"))).complete


def test_answers_are_kept_only_where_the_route_keeps_prompts(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"tiny-1": "little to say", "big-1": "much to say"}
    kept = outcome_of(service, asked(client, chat("later")))
    assert (kept.missing, kept.small.output, kept.large.output) == (
        "awaiting_scores",
        "little to say",
        "much to say",
    )
    assert PROMPT.encode() in bytes(kept.messages)
    for route in ("unkept", "default"):
        other = outcome_of(service, asked(client, chat(route)))
        assert (other.small.output, other.large.output) == (None, None)
        assert not isinstance(other.messages, bytes)
        assert "say" not in str(other.as_json())
        assert "France" not in str(other.as_json())


def test_a_schema_and_a_pattern_score_each_answer_by_itself(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"tiny-1": 'Sure! {"city": "Paris"}', "big-1": ' {"city": "Paris"}\n'}
    outcome = outcome_of(service, asked(client, chat("schema")))
    assert (scores(outcome), outcome.judged_by) == ((0.0, 1.0), "schema")
    upstream.texts = {"tiny-1": "Paris.", "big-1": "It is Paris."}
    outcome = outcome_of(service, asked(client, chat("regex")))
    assert (scores(outcome), outcome.judged_by) == ((1.0, 0.0), "regex")


def test_a_pattern_that_never_ends_is_given_up(service: Service, client: httpx.Client, upstream: Tongues):
    upstream.texts = {"tiny-1": "a", "big-1": "a" * 15_000 + "!"}
    outcome = outcome_of(service, asked(client, chat("slow-regex")))
    assert outcome.missing == "judge_timeout"
    assert client.get("/healthz").status_code == 200


def test_a_schema_that_an_answer_could_keep_busy_for_ever_is_given_up(
    service: Service, client: httpx.Client, upstream: Tongues
):
    deep: object = "neither"
    for _ in range(40):
        deep = {"op": "xor", "arg": deep}
    upstream.texts = {"tiny-1": json.dumps(deep), "big-1": "true"}
    assert outcome_of(service, asked(client, chat("expression"))).missing == "judge_timeout"
    upstream.texts = {"tiny-1": "[" * 65 + "]" * 65, "big-1": "true"}
    assert outcome_of(service, asked(client, chat("expression"))).missing == "too_deep"


def test_what_a_decision_drew_is_not_shown_before_it_has_ended(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.play("hang-midway")
    with client.stream("POST", CHAT, json=chat(stream=True)) as response:
        next(response.iter_raw())
        path = f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}"
        with service.client() as looking:
            found = looking.get(path).json()
            assert (found["status"], found["audit"]) == ("open", None)
    found = service.until(lambda: client.get(path).json(), lambda now: now["status"] != "open")
    assert (found["status"], found["audit"]["chosen"]) == ("client_gone", True)


def test_neither_salt_nor_prompt_nor_answer_is_in_what_the_service_says(
    service: Service, client: httpx.Client, upstream: Tongues
):
    upstream.texts = {"tiny-1": "mumbled-secret", "big-1": "spoken-secret"}
    salt: bytes = service.in_store(lambda store: store.command("GET", AUDIT_SALT))
    assert len(salt) == 32
    said = []
    for route in ("default", "judged", "slow-regex", "sick-small"):
        decision_id = asked(client, chat(route))
        outcome_of(service, decision_id)
        said.append(client.get(f"/v1/decisions/{decision_id}").text)
    said += [client.get(path).text for path in ("/metrics", "/v1/reports/routes", "/v1/models", "/readyz")]
    said += [service.cli("config", "show", check=False).stdout, service.said]
    for text in said:
        assert "secret" not in text
        assert "river flows" not in text
        for form in (salt.hex(), repr(salt), repr(salt)[2:-1]):
            assert form not in text


def test_the_draw_of_a_decision_can_be_repeated_from_the_store(service: Service, client: httpx.Client):
    decision_id = asked(client, chat())
    drawn = client.get(f"/v1/decisions/{decision_id}").json()["audit"]["drawn"]
    assert service.in_store(lot_of).number(decision_id) == drawn


def own(tmp_path: Path, upstream: Tongues, more: str = "") -> Service:
    return Service(tmp_path, CONFIG.format(url=upstream.base_url) + more, environ={"TINY_KEY": KEY})


def test_a_worker_that_is_stopped_ends_its_audits_first(tmp_path: Path, upstream: Tongues):
    upstream.clear()
    upstream.hold("tiny-1")
    service = own(tmp_path, upstream)
    with service, service.client() as client:
        decision_id = asked(client, chat())
        service.until(lambda: len(upstream.of("tiny-1")), lambda seen: seen == 1)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        service.until(lambda: answers(service), lambda there: not there)  # it takes no more callers
        upstream.release("tiny-1")
        assert service.stop() == 0
        # The store outlives the service for its next start.
        with service.start().client():
            assert outcome_of(service, decision_id).complete
            assert service.ledger().open_holds == 0


def test_the_holds_of_a_stopped_workers_audits_are_extended_until_they_end(tmp_path: Path, upstream: Tongues):
    upstream.clear()
    upstream.hold("tiny-1")
    service = own(tmp_path, upstream, "ledger: {hold_expiry_s: 10, extend_every_s: 1}\n")

    async def expires_ms(store: Store) -> int:
        holds = AccountKeys("main").holds
        (held,) = await store.command("ZRANGE", holds, 0, -1)
        return int(float(await store.command("ZSCORE", holds, held)))

    with service, service.client() as client:
        decision_id = asked(client, chat())
        service.until(lambda: len(upstream.of("tiny-1")), lambda seen: seen == 1)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        service.until(lambda: answers(service), lambda there: not there)
        for _ in range(2):  # the first may have been on its way
            before = service.in_store(expires_ms)
            service.until(lambda: service.in_store(expires_ms), lambda now, was=before: now > was)
        upstream.release("tiny-1")
        assert service.stop() == 0
        with service.start().client():
            assert outcome_of(service, decision_id).complete
            assert [entry.kind for entry in entries(service) if entry.purpose] == ["settle"]


def answers(service: Service) -> bool:
    try:
        with service.client() as client:
            return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_what_a_killed_worker_was_auditing_is_charged_as_assumed_and_told(tmp_path: Path, upstream: Tongues):
    upstream.clear()
    upstream.hold("tiny-1")
    service = own(tmp_path, upstream, "ledger: {hold_expiry_s: 10, extend_every_s: 1}\n")
    with service, service.client() as client:
        decision_id = asked(client, chat(max_tokens=20))
        service.until(lambda: len(upstream.of("tiny-1")), lambda seen: seen == 1)
        assert service.ledger().open_holds == 1
        service.kill()
        upstream.release("tiny-1")
        with service.start().client():
            service.until(service.ledger, lambda found: found.open_holds == 0, 60)
        (entry,) = [entry for entry in entries(service) if entry.purpose]
        assert (entry.kind, entry.usage_source, entry.purpose) == ("assume", "assumed", "audit")
        outcome = service.in_store(lambda store: Outcomes(store).get("main", decision_id))
        assert outcome is not None
        assert (outcome.missing, outcome.complete) == ("worker_died", False)


def test_callers_at_once_are_audited_each(service: Service, upstream: Tongues):
    upstream.clear()
    ids: list[str] = []

    def ask() -> None:
        with service.client() as one:
            ids.append(asked(one, chat()))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(outcome_of(service, decision_id).complete for decision_id in ids)
    service.settled()


def test_metrics_say_what_drawn_queries_came_to_and_what_share_is_drawn(
    service: Service, client: httpx.Client
):
    def count(result: str) -> float:
        name = f'pennyroute_audits_total{{result="{result}",route="default"}} '
        lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
        return float(lines[0].removeprefix(name)) if lines else 0.0

    before = count("judged")
    outcome_of(service, asked(client, chat()))
    service.until(lambda: count("judged"), lambda now: now == before + 1)
    assert 'pennyroute_audit_share{route="default"} 1.0' in client.get("/metrics").text


def test_where_money_is_given_audits_stop_with_it_and_the_decision_says_so(tmp_path: Path, upstream: Tongues):
    upstream.clear()
    config = CONFIG.replace(
        "share: 1.0, judge: agreement, in_flight", "usd_per_month: 0.000004, judge: agreement, in_flight"
    )
    service = Service(tmp_path, config.format(url=upstream.base_url), environ={"TINY_KEY": KEY})
    with service, service.client() as client:
        for _ in range(2_000):  # until there is traffic, one in a hundred is drawn
            decision_id = asked(client, chat("narrow", max_tokens=5))
            if client.get(f"/v1/decisions/{decision_id}").json()["audit"]["chosen"]:
                outcome_of(service, decision_id)
                break
        drawn = client.get(f"/v1/decisions/{asked(client, chat('narrow'))}").json()["audit"]
        assert (drawn["share"], drawn["chosen"], drawn["audit_id"]) == (0.0, False, "")
        assert 'pennyroute_audit_share{route="narrow"} 0.0' in client.get("/metrics").text
        service.settled()
    assert "route narrow: no more audits in " in service.said


def test_all_workers_draw_by_the_same_salt_and_count_together(tmp_path: Path, upstream: Tongues):
    upstream.clear()
    config = CONFIG.format(url=upstream.base_url)
    service = Service(tmp_path, config, environ={"TINY_KEY": KEY}, arguments=("--workers", "2"))
    with service:
        ids = []
        for _ in range(12):  # a connection of its own each, so that both workers answer
            with service.client() as client:
                ids.append(asked(client, chat()))
        lot = service.in_store(lot_of)
        outcomes = [outcome_of(service, decision_id) for decision_id in ids]
        assert [outcome.drawn for outcome in outcomes] == [lot.number(decision_id) for decision_id in ids]
        assert all(outcome.complete for outcome in outcomes)
        name = 'pennyroute_audits_total{result="judged",route="default"} 12.0'
        with service.client() as client:
            service.until(lambda: client.get("/metrics").text, lambda text: name in text)
        service.settled()
