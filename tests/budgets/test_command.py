"""`pennyroute budget` says and does what the HTTP side does."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.budgets.conftest import CONFIG, KEY
from tests.budgets.test_http import ask
from tests.service import Service


def shown(service: Service, *words: str) -> Any:
    return json.loads(service.cli("budget", *words, "--format", "json").stdout)


def test_what_is_set_by_command_is_in_force_and_shown_by_both(service: Service, client: httpx.Client):
    words = ("--usd", "0.00001", "--per", "day", "--team", "typed", "--time-zone", "Europe/Vienna")
    budget = shown(service, "set", *words)
    assert (budget["limit_usd"], budget["scope"], budget["hard"]) == ("0.00001", {"team": "typed"}, True)
    assert client.post("/complete", json=ask("typed")).status_code == 429
    assert client.get(f"/v1/budgets/{budget['id']}").json() == budget
    assert shown(service, "show", budget["id"]) == budget
    assert budget in shown(service, "list")
    again = shown(service, "set", *("0.5" if word == "0.00001" else word for word in words), "--soft")
    assert (again["id"], again["limit_usd"], again["hard"]) == (budget["id"], "0.5", False)
    table = service.cli("budget", "list").stdout
    assert budget["id"] in table
    assert "0.5 USD" in table
    assert "is removed" in service.cli("budget", "remove", budget["id"]).stdout
    assert service.cli("budget", "show", budget["id"], check=False).returncode == 1
    assert client.post("/complete", json=ask("typed")).status_code == 200


def test_each_value_is_shown_with_what_is_left(service: Service, client: httpx.Client):
    budget = shown(
        service, "set", "--tokens", "5000", "--per", "rolling", "--window", "24h", "--feature", "*"
    )
    assert budget["window_s"] == 86_400
    body = ask("") | {"metadata": {"feature": "triage"}}
    assert client.post("/complete", json=body).status_code == 200
    table = service.cli("budget", "show", budget["id"]).stdout
    assert "triage" in table
    assert client.delete(f"/v1/budgets/{budget['id']}").status_code == 204


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--per", "day"), "one limit"),
        (("--per", "day", "--usd", "0.1234567891"), "finer than 9 decimals"),
        (("--per", "rolling", "--usd", "1"), "window_s"),
        (("--per", "day", "--usd", "1", "--route", "defualt"), 'did you mean "default"?'),
        (("--per", "day", "--usd", "1", "--account", "nobody"), "there is no account 'nobody'"),
    ],
)
def test_what_is_no_budget_is_refused(service: Service, words: tuple[str, ...], said: str):
    refused = service.cli("budget", "set", *words, check=False)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_doctor_shows_what_is_left_and_which_budget_bounds_nothing(tmp_path: Path):
    service = Service(tmp_path, CONFIG.format(url="http://127.0.0.1:9/v1"), environ={"TINY_KEY": KEY})
    for words in (("--usd", "1"), ("--tokens", "0"), ("--usd", "1", "--model", "big")):
        service.cli("budget", "set", "--per", "day", *words)
    assert service.config is not None
    service.config.write_text(service.config.read_text().replace("big", "large"))
    rows = json.loads(service.cli("doctor", "--format", "json", check=False).stdout)
    found = {(row["verdict"], row["said"]) for row in rows if row["part"] == "budget"}
    assert found == {
        ("ok", "1 USD a day, all calls: 1 USD left"),
        ("ok", "0 tokens a day, all calls: 0 tokens left"),
        ("warn", "1 USD a day, model=big: there is no such model 'big', so it bounds nothing"),
    }
