"""What a service exports scores, in training and tuning, to the very difficulty it was served by."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from classifiers import default_classifier
from classifiers.outcomes import Outcome, read_outcomes
from tests.audit.looking import asked, outcome_of
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

CONFIG = """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, price: {{input: 0.10, output: 0.40}}}}
  big: {{provider: openai-compatible, base_url: "{url}", model: big-1, price: {{input: 2, output: 10}}}}
routes:
  default:
    {{small: tiny, large: big, threshold: 0.12, store_prompts: true, audit: {{share: 1.0, judge: import}},
     caps: {{max_input_tokens: 300, on_excess_input: trim}}}}
"""
QUESTION = "Prove that the sum of two odd numbers is even, and say where the proof needs both to be odd."
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with OpenAIWire() as upstream:
        folder = tmp_path_factory.mktemp("exported")
        with Service(folder, CONFIG.format(url=upstream.base_url)) as running:
            yield running
        assert "Traceback" not in running.said


def conversation(turns: int) -> list[dict[str, Any]]:
    """A system prompt, so many long turns of both, and the question."""
    said = [
        {"role": role, "content": f"Turn {number}: " + "and so it goes on and on, as it does. " * 6}
        for number in range(turns)
        for role in ("user", "assistant")
    ]
    return [{"role": "system", "content": "Be brief."}, *said, {"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def exported(service: Service) -> dict[str, tuple[dict[str, Any], Outcome]]:
    """Rows of the export, and how they are read: a plain query, one with tools, and a trimmed one."""
    bodies: dict[str, dict[str, Any]] = {
        "plain": {"messages": conversation(0)},
        "tools": {"messages": conversation(0), "tools": TOOLS},
        "trimmed": {"messages": conversation(6)},
    }
    with service.client() as client:
        ids = {name: asked(client, {"model": "auto", **body}) for name, body in bodies.items()}
        for name, id_ in ids.items():
            assert outcome_of(service, id_).audited, name
            scores = {"small": {"score": 0}, "large": {"score": 1}, "judged_by": "import"}
            assert client.post("/v1/outcomes", json={"decision_id": id_, **scores}).json()["fate"] == "scored"
        trimmed = client.get(f"/v1/decisions/{ids['trimmed']}").json()
        assert trimmed["inputs"]["trimmed_turns"] > 0
    out = service.folder / "own.jsonl"
    service.cli("outcomes", "export", "--out", str(out))
    rows = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    parquet = service.folder / "own.parquet"
    service.cli("outcomes", "export", "--out", str(parquet))
    read, again = ({row.id: row for row in read_outcomes([path]).rows} for path in (out, parquet))
    assert {id_: row.facts for id_, row in read.items()} == {id_: row.facts for id_, row in again.items()}
    assert {name: rows[id_]["messages"] for name, id_ in ids.items()} == {
        name: body["messages"] for name, body in bodies.items()
    }
    return {name: (rows[id_], read[id_]) for name, id_ in ids.items()}


@pytest.mark.parametrize("name", ["plain", "tools", "trimmed"])
def test_a_row_scores_to_the_difficulty_it_was_served_by(
    exported: dict[str, tuple[dict[str, Any], Outcome]], name: str
):
    row, read = exported[name]
    classifier = default_classifier()
    assert classifier.effective_many([read.facts]) == [row["difficulty"]]
    assert read.difficulty_by(classifier.id) == row["difficulty"]
    assert read.facts.has_tools == (name == "tools")
    assert row.get("tools", False) == (name == "tools")


def test_a_decision_keeps_what_its_caller_sent(service: Service):
    with service.client() as client:
        id_ = asked(client, {"model": "auto", "messages": conversation(6)})
        decision = client.get(f"/v1/decisions/{id_}").json()
    assert decision["inputs"]["trimmed_turns"] > 0
    assert decision["messages"] == conversation(6)
