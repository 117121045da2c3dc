"""`/v1/outcomes`: scores come in, each with its fate; and the watch on live traffic, with two workers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from router.outcomes.record import OutcomeRecord
from router.outcomes.store import Outcomes
from router.routes.threshold import Threshold
from router.routes.thresholds import Change, Thresholds
from router.store.connection import Store
from tests.certificates import proven_on
from tests.http.config import CONFIG, HARD, KEY, ask, chat
from tests.http.wire import error_of
from tests.outcomes.examples import FLOOR, an_outcome, judged
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

PATH = "/v1/outcomes"


def decided(client: httpx.Client, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/complete", json=ask(**more)).json()["decision"]
    return found


def newest(client: httpx.Client, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(PATH, params=more).json()["outcomes"]
    return found


def test_feedback_on_the_answer_that_was_given_is_kept_as_its_tiers(client: httpx.Client) -> None:
    for text, tier in (("Hello", "small"), (HARD, "large")):
        decision = client.post("/complete", json=ask(text, tier=tier)).json()["decision"]
        answer = client.post(PATH, json={"decision_id": decision["id"], "score": 0.7})
        assert (answer.status_code, answer.json()) == (200, {"decision_id": decision["id"], "fate": "scored"})
        assert answer.headers["cache-control"] == "no-store"
        [found] = newest(client, limit=1)
        other = {"small": "large", "large": "small"}[tier]
        assert (found["id"], found["tier"], found["judged_by"]) == (decision["id"], tier, "feedback")
        assert (found[tier]["score"], found[other]["score"]) == (0.7, None)
        assert found[tier]["cost_nano"] > 0
        assert (found["small"]["model"], found["large"]["model"]) == ("tiny", "big")
        assert (found["share"], found["drawn"], found["difficulty"]) == (1.0, None, decision["difficulty"])
        again = client.post(PATH, json={"decision_id": decision["id"], "score": 0.7})
        assert again.json()["fate"] == "unchanged"


def test_both_tiers_may_be_scored_and_a_hands_scores_stand_beside(client: httpx.Client) -> None:
    id_ = decided(client)["id"]
    client.post(PATH, json={"decision_id": id_, "small": {"score": 0.5}, "large": {"score": 1}})
    client.post(
        PATH,
        json={"decision_id": id_, "small": {"score": 0}, "large": {"score": 1}, "judged_by": "hand"},
    )
    [found] = newest(client, limit=1)
    assert (found["small"]["score"], found["large"]["score"], found["judged_by"]) == (0.5, 1.0, "feedback")
    assert found["beside"] == {"hand": {"small": 0.0, "large": 1.0}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"score": 0.5}, "decision_id"),
        ({"decision_id": "ID"}, "no score"),
        ({"decision_id": 5, "score": 0.5}, "decision_id"),
        ({"decision_id": "ID", "score": 1.01}, "from 0 to 1"),
        ({"decision_id": "ID", "score": -0.01}, "from 0 to 1"),
        ({"decision_id": "ID", "score": "0.5"}, "score"),
        ({"decision_id": "ID", "score": True}, "score"),
        ({"decision_id": "ID", "score": [1]}, "score"),
        ({"decision_id": "ID", "small": 0.5}, "small"),
        ({"decision_id": "ID", "small": {}}, "small"),
        ({"decision_id": "ID", "small": {"score": 2}}, "from 0 to 1"),
        ({"decision_id": "ID", "small": {"score": None}}, "small"),
        ({"decision_id": "ID", "small": {"score": 1, "model": "x"}}, "model"),
        ({"decision_id": "ID", "score": 0.5, "small": {"score": 1}}, "leave it out"),
        (
            {"decision_id": "ID", "score": 0.5, "judged_by": "judge"},
            "judged_by: takes one of feedback, hand, import",
        ),
        (
            {"decision_id": "ID", "score": 0.5, "judged_by": 5},
            "judged_by: takes one of feedback, hand, import",
        ),
        ({"decision_id": "ID", "score": 0.5, "sc\u202eore\u0000": 1}, "unknown field"),
        ([], "object"),
        ("dec", "object"),
        (None, "object"),
    ],
    ids=str,
)
def test_what_is_no_score_is_refused_and_changes_nothing(client: httpx.Client, body: Any, said: str) -> None:
    id_ = decided(client)["id"]
    if isinstance(body, dict) and body.get("decision_id") == "ID":
        body = {**body, "decision_id": id_}
    sent = {"content": json.dumps(body), "headers": {"content-type": "application/json"}}
    error = error_of(client.post(PATH, **sent), 400, "invalid_request")
    assert said in error["message"]
    assert "\u202e" not in error["message"]
    assert "\u0000" not in error["message"]
    assert id_ not in [one["id"] for one in newest(client, limit=5)]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "0.5 0.5", "", "1" * 5_000])
def test_what_is_no_number_in_json_is_refused(client: httpx.Client, text: str) -> None:
    id_ = decided(client)["id"]
    content = f'{{"decision_id": "{id_}", "score": {text}}}'
    error_of(client.post(PATH, content=content, headers={"content-type": "application/json"}), 400)


@pytest.mark.parametrize(
    "id_", ["dec_" + "0" * 26, "", "dec_", "x\u0000y", "dec_é", "dec_" + "z" * 500, "../x"]
)
def test_a_decision_that_is_not_there_is_404(client: httpx.Client, id_: str) -> None:
    error = error_of(client.post(PATH, json={"decision_id": id_, "score": 0.5}), 404, "not_found")
    assert "\u0000" not in error["message"]


def test_what_was_not_routed_or_not_answered_has_nothing_to_score(client: httpx.Client) -> None:
    direct = client.post("/v1/chat/completions", json=chat(model="tiny")).headers["x-pennyroute-decision-id"]
    error = error_of(client.post(PATH, json={"decision_id": direct, "score": 1}), 400)
    assert "directly" in error["message"]
    failed = client.post("/complete", json=ask(route="nowhere")).headers["x-pennyroute-decision-id"]
    error = error_of(client.post(PATH, json={"decision_id": failed, "score": 1}), 400)
    assert "no answer to score" in error["message"]


def test_of_several_the_fate_of_each_is_said_in_their_order(client: httpx.Client) -> None:
    first, second = decided(client, tier="small")["id"], decided(client)["id"]
    items: list[Any] = [
        {"decision_id": first, "score": 0.25},
        {"decision_id": "dec_" + "0" * 26, "score": 0.5},
        {"decision_id": second, "score": 7},
        {"decision_id": first, "score": 0.75},
        "what?",
        {"decision_id": first, "score": 0.75},
        {"decision_id": second, "small": {"score": 0.5}, "large": {"score": 0.5}},
    ]
    answer = client.post(PATH, json={"outcomes": items}).json()
    assert [one["fate"] for one in answer["outcomes"]] == [
        "scored",
        "refused",
        "refused",
        "scored",
        "refused",
        "unchanged",
        "scored",
    ]
    assert [one["decision_id"] for one in answer["outcomes"]] == [
        first,
        "dec_" + "0" * 26,
        second,
        first,
        None,
        first,
        second,
    ]
    assert [one["code"] for one in answer["outcomes"] if one["fate"] == "refused"] == [
        "not_found",
        "invalid_request",
        "invalid_request",
    ]
    assert (answer["scored"], answer["unchanged"], answer["refused"]) == (3, 1, 3)
    found = {one["id"]: one for one in newest(client, limit=5)}
    assert found[first]["small"]["score"] == 0.75
    assert found[second]["large"]["score"] == 0.5


def test_a_thousand_at_once_are_taken_and_one_more_is_not(client: httpx.Client) -> None:
    id_ = decided(client)["id"]
    items = [{"decision_id": id_, "score": number % 2, "judged_by": "import"} for number in range(1_000)]
    answer = client.post(PATH, json={"outcomes": items}).json()
    assert answer["scored"] == 1_000
    error = error_of(client.post(PATH, json={"outcomes": [*items, items[0]]}), 400)
    assert "1,000" in error["message"]
    assert client.post(PATH, json={"outcomes": []}).json() == {
        "outcomes": [],
        "scored": 0,
        "unchanged": 0,
        "refused": 0,
    }
    error_of(client.post(PATH, json={"outcomes": [], "score": 1}), 400)
    error_of(client.post(PATH, content=b" " * 1_100_000, headers={"content-type": "application/json"}), 413)


def test_outcomes_are_listed_by_route_and_time_a_page_at_a_time(client: httpx.Client) -> None:
    ids = [decided(client, route="support/tier-1")["id"] for _ in range(5)]
    client.post(PATH, json={"outcomes": [{"decision_id": id_, "score": 1} for id_ in ids]})
    page = client.get(PATH, params={"route": "support/tier-1", "limit": 3, "from": "1h"}).json()
    assert [one["id"] for one in page["outcomes"]] == ids[:1:-1]
    rest = client.get(PATH, params={"route": "support/tier-1", "before": page["next"]}).json()
    assert [one["id"] for one in rest["outcomes"]] == ids[1::-1]
    assert rest["next"] is None
    error = error_of(client.get(PATH, params={"route": "suport/tier-1"}), 404, "route_not_found")
    assert 'did you mean "support/tier-1"?' in error["message"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "from=yesterday", "before=x", "rout=default", "to=now"]
)
def test_a_question_that_is_none_is_refused(client: httpx.Client, query: str) -> None:
    error_of(client.get(f"{PATH}?{query}"), 400)


def test_prompts_and_answers_are_shown_only_where_the_route_keeps_them(client: httpx.Client) -> None:
    kept, bare = (decided(client, route=route, tier="small")["id"] for route in ("kept", "default"))
    client.post(PATH, json={"outcomes": [{"decision_id": id_, "score": 1} for id_ in (kept, bare)]})
    found = {one["id"]: one for one in newest(client, limit=2)}
    assert found[kept]["messages"][0]["content"] == ask()["query"]
    assert found[kept]["small"]["output"]
    assert "messages" not in found[bare]
    assert "output" not in found[bare]["small"]


@pytest.fixture(scope="module")
def locked(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("locked")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as running:
        yield running
    assert "Traceback" not in running.said


def test_a_key_that_may_call_gives_feedback_on_its_own_decisions_only(locked: Service) -> None:
    def client_of(name: str, scope: str = "call", account: str = "main") -> httpx.Client:
        return locked.client(headers={"authorization": f"Bearer {locked.key(name, scope, account)}"})

    with (
        client_of("mine") as mine,
        client_of("other") as other,
        client_of("admin", "admin") as admin,
        client_of("tenant", "admin", "acme") as tenant,
    ):
        id_ = decided(mine)["id"]
        scored = {"decision_id": id_, "score": 0.5}
        for stranger in (other, tenant):
            hidden = error_of(stranger.post(PATH, json=scored), 404, "not_found")
            absent = error_of(stranger.post(PATH, json={**scored, "decision_id": "dec_" + "0" * 26}), 404)
            assert hidden["message"].replace(id_, "") == absent["message"].replace("dec_" + "0" * 26, "")
        assert mine.post(PATH, json=scored).json()["fate"] == "scored"
        error_of(other.post(PATH, json=scored), 404)
        for judged_by in ("hand", "import"):
            error = error_of(mine.post(PATH, json={**scored, "judged_by": judged_by}), 403, "not_permitted")
            assert "admin" in error["message"]
            assert admin.post(PATH, json={**scored, "judged_by": judged_by}).json()["fate"] == "scored"
        both = {"decision_id": id_, "small": {"score": 1}, "large": {"score": 0}}
        assert "admin" in error_of(mine.post(PATH, json=both), 403, "not_permitted")["message"]
        error_of(mine.get(PATH), 403, "not_permitted")
        assert [one["id"] for one in newest(admin)] == [id_]
        assert newest(tenant) == []
    with locked.client() as nobody:
        error_of(nobody.post(PATH, json=scored), 401)
        error_of(nobody.get(PATH), 401)
        error_of(nobody.get("/v1/routes/default/watch"), 401)


def test_an_admin_of_another_account_does_not_move_the_watch_and_the_operator_does(locked: Service) -> None:
    threshold = certified(locked)
    assert threshold.certificate is not None
    made = {"certificate": threshold.certificate.id, "threshold_version": threshold.version}

    def audited(account: str, number: int) -> str:
        """Drawn under the certificate, and waiting for its scores."""
        record = an_outcome(number, route="default", at_ms=threshold.set_at_ms + number, **made)
        locked.in_store(lambda store: Outcomes(store).put(account, record))
        return record.id

    def client_of(account: str) -> httpx.Client:
        return locked.client(headers={"authorization": f"Bearer {locked.key(account, 'admin', account)}"})

    def counted(client: httpx.Client) -> int:
        return int(client.get("/v1/routes/default/watch").json()["audits"])

    with client_of("acme") as tenant, client_of("main") as operator:
        for number, judged_by in enumerate(("feedback", "hand", "import"), start=900):
            id_ = audited("acme", number)
            both = {"small": {"score": 0}, "large": {"score": 1}, "judged_by": judged_by}
            assert tenant.post(PATH, json={"decision_id": id_, **both}).json()["fate"] == "scored"
            assert counted(operator) == 0
            [found] = newest(tenant, limit=1)
            assert found["beside"] == {"tenant": {"small": 0.0, "large": 1.0}}
            assert (found["small"]["score"], found["judged_by"]) == (None, "")
        id_ = audited("main", 950)
        both = {"decision_id": id_, "small": {"score": 1}, "large": {"score": 1}, "judged_by": "hand"}
        assert operator.post(PATH, json=both).json()["fate"] == "scored"
        assert counted(operator) == 1


def test_a_route_without_a_certificate_has_nothing_to_watch(client: httpx.Client) -> None:
    found = client.get("/v1/routes/default/watch").json()
    assert (found["route"], found["certificate"], found["audits"]) == ("default", None, 0)
    assert (found["suspended"], found["suspended_at"], found["floor"]) == (False, None, None)
    assert client.get("/v1/routes/support/tier-1/watch").json()["route"] == "support/tier-1"
    error_of(client.get("/v1/routes/defualt/watch"), 404, "route_not_found")


def certified(service: Service) -> Threshold:
    """A certificate in force on `default`, by which its easy queries go to the small model."""
    certificate = proven_on(service, floor=FLOOR, threshold=0.9)
    change = Change("default", 0.9, "tests", "", None, certificate)
    return service.in_store(lambda store: Thresholds(store).set(change))


def audits(threshold: Threshold, decisions: list[dict[str, Any]]) -> list[OutcomeRecord]:
    """What the audit makes of decisions where the small model failed and the large one would not have."""
    assert threshold.certificate is not None
    return [
        judged(
            0,
            0.0,
            1.0,
            id=one["id"],
            route="default",
            at_ms=threshold.set_at_ms + 1,
            certificate=threshold.certificate.id,
            threshold_version=threshold.version,
        )
        for one in decisions
    ]


def test_when_audits_fall_below_the_floor_all_goes_to_large_in_every_worker(
    upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("workers")
    config = CONFIG.format(url=upstream.base_url)
    service = Service(folder, config, environ={"TINY_KEY": KEY}, arguments=("--workers", "2"))
    with service:

        def asked() -> dict[str, Any]:
            with service.client() as client:  # a connection each, so that both workers are asked
                return decided(client)

        threshold = certified(service)
        before = [asked() for _ in range(16)]
        assert {one["reason"] for one in before} == {"below_threshold"}
        assert threshold.certificate is not None
        assert {one["certificate"] for one in before} == {threshold.certificate.id}
        found = audits(threshold, [{"id": f"dec_{number:026d}"} for number in range(200)])
        lacking = replace(found[0], id="dec_" + "x" * 26, missing="judge_failed")
        lacking = replace(lacking, small=replace(lacking.small, score=None))
        service.in_store(lambda store: Outcomes(store).put("main", lacking))
        with service.client() as client:
            watched = client.get("/v1/routes/default/watch").json()
            assert (watched["audits"], watched["missing"], watched["level"]) == (0, 1, 0.0)

        async def fed(store: Store) -> int:
            for number, one in enumerate(found, start=1):
                await Outcomes(store).put("main", one)
                now = await Thresholds(store).current("default")
                if now is not None and now.suspended:
                    return number
            raise AssertionError("no alarm")

        needed = service.in_store(fed)
        after = [asked() for _ in range(16)]
        assert {(one["tier"], one["reason"]) for one in after} == {("large", "certificate_suspended")}
        assert {one["certificate"] for one in after} == {None}
        with service.client() as client:
            shown = client.get("/v1/routes/default/threshold").json()
            watched = client.get("/v1/routes/default/watch").json()
            metrics = client.get("/metrics").text
        assert (shown["suspended"], shown["set_by"], shown["threshold"]) == (True, "watch", 0.0)
        assert (watched["audits"], watched["missing"], watched["suspended"]) == (needed, 1, True)
        assert watched["level"] >= watched["alarm_at"] == 2_000
        assert watched["suspended_at"] == shown["set_at"]
        assert 'pennyroute_certificate_suspended{route="default"} 1.0' in metrics
        assert 'pennyroute_certificate_suspended{route="kept"} 0.0' in metrics
        assert f'pennyroute_watch_audits{{route="default"}} {needed}.0' in metrics
        assert 'pennyroute_watch_audits_missing{route="default"} 1.0' in metrics
        assert 'pennyroute_watch_level{route="default"} ' in metrics
        service.until(lambda: service.said, lambda said: "the certificate is suspended" in said)
        service.cli("threshold", "set", "default", "0.9", "--reason", "looked at it")
        assert {asked()["tier"] for _ in range(16)} == {"small"}
        with service.client() as client:
            watched = client.get("/v1/routes/default/watch").json()
            assert (watched["certificate"], watched["suspended"], watched["audits"]) == (None, False, 0)
    assert service.said.count("the certificate is suspended") == 1
    assert "Traceback" not in service.said


def test_an_audit_whose_worker_died_before_it_was_counted_is_counted_by_the_service(
    upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("died")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as service:
        threshold = certified(service)
        [audit] = audits(threshold, [{"id": "dec_" + "1" * 26}])

        async def stored_only(store: Store) -> None:
            """As `Outcomes.put` leaves it when its process dies between its two scripts."""
            outcomes = Outcomes(store)
            await outcomes._keep("main", b"", None, audit)

        service.in_store(stored_only)

        def counted() -> int:
            with service.client() as client:
                audits: int = client.get("/v1/routes/default/watch").json()["audits"]
                return audits

        service.until(counted, lambda audits: audits == 1)
    assert json.dumps(service.said).count("Traceback") == 0
