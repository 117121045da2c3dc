"""docs/api.md names every endpoint, reason, error, field and header there is, and none that is not."""

import json
import re
from collections.abc import Iterator

import msgspec

from policies import Reason
from router.errors import PennyrouteError, SetupError
from router.http.app import make_api
from router.http.complete_body import CompleteBody
from tests.docs.pages import page

PAGE = page("docs/api.md")


def rows(heading: str) -> list[list[str]]:
    """The first table under a heading, without its head; cells without backquotes."""
    after = re.split(rf"^#+ {re.escape(heading)}$", PAGE.text, flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table
    return [
        [cell.strip().strip("`") for cell in line.strip("|\n").split(" | ")]
        for line in table[0].splitlines()[2:]
    ]


def errors_of(kind: type[PennyrouteError]) -> Iterator[type[PennyrouteError]]:
    """What an endpoint may answer: the whole tree, less what only a start, a command or another program says."""
    elsewhere = ("router.cli", "router.bundled", "router.demo", "router.pricing")
    if not issubclass(kind, SetupError) and not kind.__module__.startswith(elsewhere):
        yield kind
        for below in kind.__subclasses__():
            yield from errors_of(below)


def test_every_reason_is_explained():
    assert [reason for reason, _ in rows("Reasons")] == list(Reason)


def test_every_error_is_explained_with_its_status():
    explained = {(int(status), code) for status, code, _ in rows("Errors")}
    assert explained == {(kind.status, kind.code) for kind in errors_of(PennyrouteError)}


def test_every_endpoint_is_listed():
    documented = {
        (method, path)
        for endpoint, *_ in rows("API")
        for method, path in re.findall(r"(GET|PUT|POST|DELETE) (/[\w/{}.]*)", endpoint)
    }
    paths = make_api().openapi()["paths"]
    served = {
        (method.upper(), re.sub(r"\w+_id}", "id}", path)) for path, item in paths.items() for method in item
    }
    named = {(method, path) for method, path in served if path != "/v1/models/{name}"}
    assert documented == named | {("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json")}


def test_every_field_of_complete_is_listed():
    assert [name for name, *_ in rows("POST /complete")] == list(CompleteBody.__struct_fields__)


def test_examples_of_json_are_json_and_their_sums_are_right():
    found = [json.loads(block) for block in PAGE.blocks("json")]
    assert len(found) >= 2
    assert any("cost" in data for data in found)
    for data in found:
        if "cost" in data:
            cost = msgspec.convert(data["cost"], dict[str, object])
            nano = {
                name: round(float(str(cost[name])) * 1e9) for name in ("usd", "baseline_usd", "savings_usd")
            }
            assert nano["usd"] == cost["nano_usd"]
            assert nano["baseline_usd"] - nano["usd"] == nano["savings_usd"]
            tokens = data["usage"]
            assert cost["nano_usd"] == tokens["input_tokens"] * 100 + tokens["output_tokens"] * 400
            assert nano["baseline_usd"] == tokens["input_tokens"] * 2_000 + tokens["output_tokens"] * 10_000
