"""`GET /v1/reports/routes` of a real service."""

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from router.http.reports import ReportAnswer
from router.ledger.entry import GROUP_NAMES, Labels
from router.store.connection import Store
from tests.reports.entries import HOUR_MS, NOON_MS, an_entry, keys_of, settled
from tests.service import Service

PATH = "/v1/reports/routes"
PERIOD = {"from": "2026-01-01T12:00Z", "to": "2026-01-02"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three entries on the first of January 2026; no key exists but in the test that makes one."""
    with Service(tmp_path_factory.mktemp("service")) as running:

        async def fill() -> None:
            async with contextlib.aclosing(Store.at_url(running.store_url, timeout_s=20)) as store:
                await settled(
                    store,
                    "main",
                    an_entry(labels=Labels(team="care", feature="=1+1")),
                    an_entry(labels=Labels(team="care")),
                    an_entry(route="legal", at_ms=NOON_MS + HOUR_MS, cost_nano=1, tier="large"),
                )
                await settled(store, "elsewhere", an_entry(cost_nano=999))

        asyncio.run(fill())
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as calling:
        yield calling


def refused(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    error: dict[str, str] = answer.json()["error"]
    return error


def test_the_report_is_by_route_unless_told_otherwise(client: httpx.Client):
    answer = client.get(PATH, params=PERIOD)
    report = answer.json()
    assert answer.status_code == 200
    assert (report["from"], report["to"]) == ("2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z")
    assert report["by"] == ["route"]
    assert [(group["route"], group["nano_usd"]) for group in report["groups"]] == [
        ("support", 36_000),
        ("legal", 1),
    ]
    assert (report["total"]["cost_usd"], report["total"]["requests"]) == ("0.000036001", 3)
    assert set(report["groups"][0]) - {"route"} == set(report["total"])


def test_groups_come_by_any_names_in_the_order_asked(client: httpx.Client):
    report = client.get(PATH, params={**PERIOD, "by": "team,route"}).json()
    assert [(group["team"], group["route"]) for group in report["groups"]] == [
        ("care", "support"),
        ("", "legal"),
    ]
    assert list(report["groups"][0])[:3] == ["team", "route", "requests"]
    assert sum(Decimal(group["cost_usd"]) for group in report["groups"]) == Decimal(
        report["total"]["cost_usd"]
    )


def test_a_period_without_entries_is_empty(client: httpx.Client):
    report = client.get(PATH, params={"from": "2020-01-01", "to": "2020-02-01"}).json()
    assert (report["groups"], report["total"]["requests"], report["total"]["share"]) == ([], 0, None)


def test_a_report_comes_as_csv_that_no_spreadsheet_computes(client: httpx.Client):
    answer = client.get(PATH, params={**PERIOD, "by": "feature", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert (
        'filename="pennyroute-feature-2026-01-01T12-2026-01-02T00.csv"'
        in answer.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["feature"] for row in rows] == ["", "'=1+1", ""]
    assert rows[-1]["nano_usd"] == "36001"


@pytest.mark.parametrize(
    ("query", "param", "said"),
    [
        ("by=rout", "by", 'did you mean "route"'),
        ("by=", "by", "at least one"),
        ("format=xml", "format", "json or csv"),
        ("from=yesterday", "from", "is not a moment"),
        ("from=2026-01-01T00:00:00+02:00", "from", "%2B"),
        ("from=2026-02-01&to=2026-01-01", "from", "not before"),
        ("fro=24h", "fro", 'did you mean "from"'),
        ("by=route&by=tier", "by", "twice"),
        ("from=%00", "from", "is not a moment"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_would_be_right(
    client: httpx.Client, query: str, param: str, said: str
):
    error = refused(client.get(f"{PATH}?{query}"))
    assert error["param"] == param
    assert said in error["message"]


def test_the_openapi_schema_types_every_figure(client: httpx.Client):
    schema = client.get("/openapi.json").json()
    operation = schema["paths"][PATH]["get"]
    assert {each["name"] for each in operation["parameters"]} == {"from", "to", "by", "format"}
    assert "text/csv" in operation["responses"]["200"]["content"]
    figures = schema["components"]["schemas"]["FiguresAnswer"]
    answer = client.get(PATH, params={**PERIOD, "by": ",".join(GROUP_NAMES)})
    assert set(figures["required"]) == set(answer.json()["total"])
    assert set(ReportAnswer.model_validate_json(answer.text).model_fields_set) == {
        "from_",
        "to",
        "by",
        "baseline",
        "certificates",
        "groups",
        "total",
    }


def test_the_command_prints_the_same_report(service: Service, client: httpx.Client):
    said = service.cli("report", "--from", PERIOD["from"], "--to", PERIOD["to"], "--format", "json")
    assert said.stdout.strip().startswith("{")
    assert json.loads(said.stdout) == client.get(PATH, params=PERIOD).json()


def test_once_a_key_exists_only_an_admin_key_sees_the_report_and_only_its_accounts(
    tmp_path_factory: pytest.TempPathFactory,
):
    with Service(tmp_path_factory.mktemp("keys")) as service, service.client() as client:
        call, admin = keys_of(service)
        assert refused(client.get(PATH), 401)["code"] == "invalid_api_key"
        assert (
            refused(client.get(PATH, headers={"Authorization": f"Bearer {call}"}), 403)["code"]
            == "not_permitted"
        )
        answer = client.get(PATH, headers={"Authorization": f"Bearer {admin}"})
        assert (answer.status_code, answer.json()["total"]["requests"]) == (200, 0)
        page = client.get("/")
        assert (page.status_code, "/v1/reports/routes" in page.text) == (401, True)
        assert client.get("/", headers={"Authorization": f"Bearer {admin}"}).status_code == 200


def test_the_page_runs_only_its_own_script_and_asks_nobody_else(client: httpx.Client):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    addresses = answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in addresses
    assert "https://" not in addresses
    for inline in (
        " onclick",
        " onload",
        " onerror",
        " onsubmit",
        " style=",
        "innerHTML",
        "insertAdjacentHTML",
        "eval(",
    ):
        assert inline not in answer.text
