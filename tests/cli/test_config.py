"""A configuration is checked whole by the command, and every command refuses a broken one with all that is wrong."""

import json

import jsonschema
import yaml

from tests.cli.running import CONFIG, Pennyroute

BROKEN = """\
models:
  tiny: {provider: openai-compatible, base_url: http://127.0.0.1:9/v1, price: {input: 0.1, output: 0.4}}
  big: {provider: antropic, model: claude-opus-5-5, api_key: sk-written-here-123}
routes:
  default: {small: tiny, large: bigg, threshold: 1.5}
"""


def test_a_good_configuration_is_said_to_be_good(configured: Pennyroute):
    assert "pennyroute.yaml is good: 2 models, 2 routes" in configured.ok("config", "check").out


def test_every_problem_is_shown_with_its_line_and_what_would_be_right(pennyroute: Pennyroute):
    (pennyroute.folder / "broken.yaml").write_text(BROKEN)
    ran = pennyroute("config", "check", "broken.yaml")
    assert ran.code == 1
    for said in (
        "broken.yaml:3: error",
        "anthropic",
        "broken.yaml:5: error",
        'did you mean "big"?',
        "3 errors, 1",
    ):
        assert said in ran.out
    assert "sk-written-here-123" not in ran.out + ran.err
    found = pennyroute("config", "check", "broken.yaml", "--format", "json")
    assert found.code == 1
    assert found.json["ok"] is False
    assert {problem["line"] for problem in found.json["problems"]} == {3, 5}


def test_the_file_to_check_may_be_named_as_other_commands_take_it(pennyroute: Pennyroute):
    (pennyroute.folder / "other.yaml").write_text(CONFIG)
    for words in (("--config", "other.yaml"), ("other.yaml",), ("other.yaml", "--config", "other.yaml")):
        assert "other.yaml is good" in pennyroute.ok("config", "check", *words).out
    two = pennyroute.refused("config", "check", "other.yaml", "--config", "another.yaml")
    assert "name one of them" in two


def test_a_file_that_is_not_there_or_no_configuration_is_refused(pennyroute: Pennyroute):
    assert "there is no pennyroute.yaml" in pennyroute.refused("config", "check")
    missing = pennyroute("config", "check", "nowhere.yaml")
    assert (missing.code, "there is no such file" in missing.out) == (1, True)
    (pennyroute.folder / "binary.yaml").write_bytes(b"\xff\x00\xfe")
    binary = pennyroute("config", "check", "binary.yaml")
    assert binary.code == 1
    assert "Traceback" not in binary.err


def test_a_command_that_needs_the_configuration_says_all_that_is_wrong_with_it(pennyroute: Pennyroute):
    (pennyroute.folder / "pennyroute.yaml").write_text(BROKEN)
    for words in (("keys", "list"), ("threshold", "show"), ("report",)):
        said = pennyroute.refused(*words)
        assert "pennyroute.yaml:3" in said
        assert "pennyroute.yaml:5" in said
    assert "there is no such file" in pennyroute.refused("keys", "list", "--config", "nowhere.yaml")


def test_a_data_directory_that_cannot_be_used_is_refused(configured: Pennyroute):
    (configured.folder / "file").write_text("")
    assert "data directory" in configured.refused("keys", "list", "--data-dir", "file")


def test_an_empty_data_directory_is_refused_and_nothing_is_made(configured: Pennyroute):
    for words in (("keys", "list"), ("ledger", "verify"), ("serve",), ("doctor",)):
        for empty in ("", " "):
            assert "--data-dir is empty" in configured.refused(*words, "--data-dir", empty, code=2)
    assert not (configured.folder / "store").exists()
    # A variable that is set to nothing is not set.
    configured.ok("keys", "list", PENNYROUTE_DATA_DIR="")
    assert (configured.folder / ".pennyroute" / "store").is_dir()


def test_a_store_that_does_not_answer_is_refused(configured: Pennyroute):
    said = configured.refused("keys", "list", REDIS_URL="redis://127.0.0.1:9/0")
    assert "pennyroute doctor" in said


def test_the_schema_takes_a_good_configuration(pennyroute: Pennyroute):
    schema = json.loads(pennyroute.ok("config", "schema").out)
    jsonschema.validate(yaml.safe_load(CONFIG), schema)
