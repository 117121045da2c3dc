"""What calls no model works in a shell that has none of the models' keys."""

import pytest

from tests.cli.running import CONFIG, Pennyroute


@pytest.fixture
def keyless(pennyroute: Pennyroute) -> Pennyroute:
    """The command beside a configuration whose keys and headers name variables that are not set."""
    config = CONFIG.replace(
        "model: tiny-1", "model: tiny-1, api_key: os.environ/TINY_KEY, headers: {x-org: os.environ/ORG}"
    ).replace('openai-compatible, base_url: "http://127.0.0.1:9/v1", model: big-1', "openai, model: big-1")
    (pennyroute.folder / "pennyroute.yaml").write_text(config)
    return pennyroute


@pytest.mark.parametrize(
    "words",
    [
        "report",
        "threshold show",
        "threshold set support 0.3",
        "threshold set support 0.3 --dry-run",
        "threshold history support",
        "keys list",
        "keys create bot",
        "ledger verify",
        "prices show --config pennyroute.yaml",
    ],
)
def test_a_command_that_calls_no_model_needs_no_key(keyless: Pennyroute, words: str):
    ran = keyless.ok(*words.split())
    assert "stand-in" not in ran.out + ran.err


def test_the_service_and_the_check_still_need_every_key(keyless: Pennyroute):
    for variable in ("TINY_KEY", "ORG", "OPENAI_API_KEY"):
        assert variable in keyless.refused("serve")
        assert f"{variable} is not set" in keyless("config", "check").out


def test_a_store_whose_variable_is_not_set_is_refused_also_where_a_key_names_it(keyless: Pennyroute):
    written = keyless.folder / "pennyroute.yaml"
    written.write_text(f"{written.read_text()}store: {{url: os.environ/TINY_KEY}}\n")
    assert "TINY_KEY is not set" in keyless.refused("keys", "list")
