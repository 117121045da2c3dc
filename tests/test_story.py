"""The whole story on the offline pair: no configuration, no key, one service, started and started again."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.http.config import EASY, HARD, ask, chat
from tests.http.wire import events_of, nano
from tests.service import Service

SMALL = ("small", "offline/small")
LARGE = ("large", "offline/large")


def completed(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/complete", json=body)
    assert response.status_code == 200, response.text
    if body.get("stream"):
        name, done = events_of(response.text)[-1]
        assert name == "completion"
        return dict(done)
    found: dict[str, Any] = response.json()
    return found


def who(done: dict[str, Any]) -> tuple[str, str]:
    return done["decision"]["tier"], done["decision"]["model"]


def report_of(service: Service, client: httpx.Client) -> dict[str, Any]:
    """The report by route and tier, which must be the same over HTTP and in a shell."""
    by_http: dict[str, Any] = client.get("/v1/reports/routes?by=route,tier").json()
    shell = json.loads(service.cli("report", "--by", "route,tier", "--format", "json").stdout)
    assert shell == by_http
    return by_http


def test_the_whole_story_from_the_first_query_to_the_same_report_after_a_restart(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with service, service.client() as client:
        assert "offline/small" in service.said
        assert "offline/large" in service.said
        assert f"curl -s {service.url}/complete" in service.said
        costs = [
            easy_goes_small(client),
            hard_goes_large_and_can_be_looked_up(client),
            streamed_is_the_same(client),
            forced_goes_where_it_is_told(client),
            the_openai_wire_too(client),
        ]
        a_dry_run_leaves_no_trace(service, client)
        costs += the_line_moves_while_it_runs(service, client)
        report = the_report_is_the_sum(service, client, costs)
        ledger = service.ledger()

    with service, service.client() as client:
        assert report_of(service, client) == report
        assert service.ledger() == ledger
        assert client.get("/v1/routes/default/threshold").json()["threshold"] == 1
        assert who(completed(client, **ask(HARD))) == SMALL
    assert "Traceback" not in service.said


def easy_goes_small(client: httpx.Client) -> int:
    easy = completed(client, **ask(EASY))
    assert who(easy) == SMALL
    assert easy["decision"]["reason"] == "below_threshold"
    assert easy["output"]
    tokens, cost = easy["usage"], easy["cost"]
    assert cost["nano_usd"] == tokens["input_tokens"] * 100 + tokens["output_tokens"] * 400
    baseline = tokens["input_tokens"] * 2_000 + tokens["output_tokens"] * 10_000
    assert nano(cost["baseline_usd"]) == baseline
    assert nano(cost["savings_usd"]) == baseline - cost["nano_usd"]
    return cost_of(easy)


def hard_goes_large_and_can_be_looked_up(client: httpx.Client) -> int:
    hard = completed(client, **ask(HARD))
    assert who(hard) == LARGE
    assert hard["decision"]["reason"] == "at_or_above_threshold"
    assert nano(hard["cost"]["savings_usd"]) == 0
    found = client.get(f"/v1/decisions/{hard['decision']['id']}").json()
    assert (found["tier"], found["model"], found["status"]) == (*LARGE, "ok")
    assert found["difficulty"] == hard["decision"]["difficulty"]
    assert found["cost"]["nano_usd"] == hard["cost"]["nano_usd"]
    assert len(found["attempts"]) == 1
    return cost_of(hard)


def streamed_is_the_same(client: httpx.Client) -> int:
    streamed = completed(client, **ask(EASY, stream=True))
    assert who(streamed) == SMALL
    assert streamed["output"]
    return cost_of(streamed)


def forced_goes_where_it_is_told(client: httpx.Client) -> int:
    forced = completed(client, **ask(EASY, tier="large"))
    assert who(forced) == LARGE
    assert forced["decision"]["reason"] == "forced"
    return cost_of(forced)


def the_openai_wire_too(client: httpx.Client) -> int:
    answer = client.post("/v1/chat/completions", json=chat(EASY))
    assert answer.json()["model"] == "offline/small"
    return nano(answer.headers["x-pennyroute-cost-usd"])


def a_dry_run_leaves_no_trace(service: Service, client: httpx.Client) -> None:
    before = service.settled()
    dry = completed(client, **ask(HARD, dry_run=True))
    assert who(dry) == LARGE
    assert dry["output"] is None
    assert service.ledger() == before


def the_line_moves_while_it_runs(service: Service, client: httpx.Client) -> list[int]:
    current = client.get("/v1/routes/default/threshold")
    change = {"threshold": 0.0, "reason": "all to large"}
    headers = {"if-match": current.headers["etag"]}
    assert client.put("/v1/routes/default/threshold", json=change, headers=headers).status_code == 200
    moved = completed(client, **ask(EASY))
    assert who(moved) == LARGE
    assert moved["decision"]["threshold_version"] == current.json()["version"] + 1
    service.cli("threshold", "set", "default", "1", "--reason", "all to small")
    back = completed(client, **ask(HARD))
    assert who(back) == SMALL
    return [cost_of(moved), cost_of(back)]


def the_report_is_the_sum(service: Service, client: httpx.Client, costs: list[int]) -> dict[str, Any]:
    report = report_of(service, client)
    total = report["total"]
    assert total["requests"] == len(costs)
    assert total["nano_usd"] == sum(costs) == service.settled().cost_nano
    assert nano(total["cost_usd"]) == total["nano_usd"]
    assert nano(total["savings_usd"]) == nano(total["baseline_usd"]) - total["nano_usd"]
    groups = {group["tier"]: group for group in report["groups"]}
    assert (groups["small"]["requests"], groups["large"]["requests"]) == (4, 3)
    assert sum(group["nano_usd"] for group in report["groups"]) == total["nano_usd"]
    assert service.cli("ledger", "verify").returncode == 0
    assert client.get("/").headers["content-type"].startswith("text/html")
    return report


def cost_of(done: dict[str, Any]) -> int:
    found: int = done["cost"]["nano_usd"]
    return found
