"""From audits to the alarm: answers that get worse withdraw the certificate, and audits go on behind it."""

from collections.abc import Iterator

import httpx
import pytest

from router.routes.thresholds import Change, Thresholds
from tests.audit.config import KEY
from tests.audit.looking import asked, outcome_of, scores
from tests.audit.tongues import Tongues
from tests.certificates import proven_on
from tests.service import Service

EASY = "What is the capital of France?"
CONFIG = """
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}}}
  big:  {{provider: openai-compatible, base_url: "{url}", model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}}}
routes:
  default:
    {{small: tiny, large: big, quality_floor: 0.9, audit: {{share: 1.0, judge: {{regex: "^Paris$"}}}}}}
"""
AUDITS_ENOUGH = 100


@pytest.fixture(scope="module")
def upstream() -> Iterator[Tongues]:
    with Tongues() as running:
        yield running


@pytest.fixture
def service(upstream: Tongues, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("withdrawing")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as running:
        yield running


def reason(client: httpx.Client, decision_id: str) -> str:
    return str(client.get(f"/v1/decisions/{decision_id}").json()["reason"])


@pytest.mark.parametrize("worse", ["Lyon", ""], ids=["wrong", "nothing at all"])
def test_answers_that_get_worse_send_everything_to_large_and_small_is_audited_there(
    service: Service, upstream: Tongues, worse: str
):
    upstream.texts = {"tiny-1": "Paris", "big-1": "Paris"}
    body = {"model": "auto", "messages": [{"role": "user", "content": EASY}]}
    proof = proven_on(service, floor=0.9, lower_bound=0.91, threshold=0.9)
    with service.client() as client:
        first = outcome_of(service, asked(client, body))
        assert (first.tier, scores(first)) == ("large", (1.0, 1.0))
        change = Change("default", 0.9, "ada", certificate=proof)
        service.in_store(lambda store: Thresholds(store).set(change))
        well = outcome_of(service, asked(client, body))
        assert (well.tier, well.certificate) == ("small", proof.id)
        upstream.texts = {"tiny-1": worse, "big-1": "Paris"}
        for _ in range(AUDITS_ENOUGH):
            last = outcome_of(service, asked(client, body))
            if last.tier == "large":
                break
            assert scores(last) == (0.0, 1.0)
        decision_id = asked(client, body)
        assert reason(client, decision_id) == "certificate_suspended"
        after = outcome_of(service, decision_id)
        assert (after.tier, after.certificate, scores(after)) == ("large", "", (0.0, 1.0))
        assert client.get("/v1/routes/default/watch").json()["suspended"] is True
        service.settled()
