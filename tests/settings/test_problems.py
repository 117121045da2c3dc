"""What is wrong is said all at once, with its line and what would be right."""

from pathlib import Path

import pytest

from router.settings import ConfigError, ConfigProblem, Severity, check_config, load_settings
from tests.settings.writing import GOOD, KEYS, check, said, write

MODELS = GOOD.partition("routes:")[0]


def test_a_problem_reads_as_file_line_path_message_and_suggestion():
    problem = ConfigProblem(
        "routes.support.small", 12, 'model "tinny" is not configured', 'did you mean "tiny"?'
    )
    assert (
        str(problem)
        == 'pennyroute.yaml:12: routes.support.small: model "tinny" is not configured; did you mean "tiny"?'
    )


def test_every_problem_is_said_at_once_in_the_order_of_the_file(tmp_path: Path):
    checked = check(
        tmp_path,
        """\
        models:
          tiny: {provider: openai-compatible, model: tiny-1, timeouts: {conect_s: 3}}
          big: {provider: antropic}
        routes:
          default: {small: tinny, large: big, threshold: 1.2}
          support:
            small: tiny
            caps: {on_excess_input: trimm}
            retries: 4
        ledger: {hold_expiry_s: 30}
        sever: {port: 80}
        """,
    )
    assert checked.settings is None
    assert said(checked) == [
        (
            "2: models.tiny.base_url: is missing; provider openai-compatible has no address of its own; "
            "add base_url: http://host:port/v1"
        ),
        '2: models.tiny.timeouts.conect_s: unknown field "conect_s"; did you mean "connect_s"?',
        '3: models.big.provider: provider "antropic" is not known; did you mean "anthropic"?',
        '5: routes.default.small: model "tinny" is not configured; did you mean "tiny"?',
        "5: routes.default.threshold: must be at most 1",
        "6: routes.support.large: is missing",
        '8: routes.support.caps.on_excess_input: must be refuse or trim; did you mean "trim"?',
        '9: routes.support.retries: unknown field "retries"; did you mean "attempts"?',
        (
            "10: ledger.hold_expiry_s: a hold of 30 s extended every 20 s could expire under a call that is still "
            "running; keep extend_every_s at most half of hold_expiry_s"
        ),
        '11: sever: unknown field "sever"; did you mean "server"?',
    ]


def test_loading_raises_with_all_problems(tmp_path: Path):
    path = write(tmp_path, GOOD.replace("threshold: 0.12", "threshold: -1, smal: x"))
    with pytest.raises(ConfigError) as caught:
        load_settings(path, KEYS, lambda *_: True)
    assert [problem.path for problem in caught.value.problems] == [
        "routes.default.smal",
        "routes.default.threshold",
    ]
    assert str(path) in str(caught.value)


ONE_PROBLEM = {
    "two policies for one route": (
        GOOD.replace("threshold: 0.12", "threshold: 0.12, quality_floor: 0.98"),
        (
            "6: routes.default.quality_floor: threshold and quality_floor are both set, and each of them decides "
            "which model answers; keep one of them"
        ),
    ),
    "a floor above 1": (
        GOOD.replace("threshold: 0.12", "quality_floor: 98"),
        "6: routes.default.quality_floor: must be at most 1",
    ),
    "a worth beside unknown prices": (
        GOOD.replace("threshold: 0.12", "value_usd: 0.05, price: unknown-ok"),
        (
            "6: routes.default.value_usd: what an answer is worth can only be weighed against known prices, and "
            "the route allows unknown ones; remove price: unknown-ok, or set a threshold"
        ),
    ),
    "a worth beyond reason": (
        GOOD.replace("threshold: 0.12", "value_usd: 1e9"),
        "6: routes.default.value_usd: no answer is worth more than 1,000,000 US dollars here",
    ),
    "a threshold that is no number": (
        GOOD.replace("0.12", ".nan"),
        "6: routes.default.threshold: must be a finite number",
    ),
    "an endless threshold": (
        GOOD.replace("0.12", ".inf"),
        "6: routes.default.threshold: must be a finite number",
    ),
    "a quoted threshold": (
        GOOD.replace("0.12", '"0.12"'),
        "6: routes.default.threshold: must be a number, not text; write it without quotes",
    ),
    "a threshold of yes": (GOOD.replace("0.12", "true"), "6: routes.default.threshold: must be a number"),
    "an empty route field": (
        GOOD.replace("large: big", "large: "),
        "6: routes.default.large: is empty; give it a value or leave the field out",
    ),
    "a port out of range": (GOOD + "server: {port: 70000}\n", "7: server.port: must be at most 65535"),
    "a port with a fraction": (GOOD + "server: {port: 80.5}\n", "7: server.port: must be a whole number"),
    "no default route": (
        GOOD.replace("default:", "defalt:"),
        '5: routes: there is no route "default"; calls that name no route need one; did you mean "defalt"?',
    ),
    "a route named like a model": (
        GOOD + "  tiny: {small: tiny, large: big}\n",
        (
            '7: routes.tiny: "tiny" is also the name of a model; a caller\'s `model` could mean either; '
            "rename one of the two"
        ),
    ),
    "a route named auto": (
        GOOD + "  auto: {small: tiny, large: big}\n",
        '7: routes.auto: "auto" is reserved: callers use it for the default route; choose another name',
    ),
    "a name with a space": (
        GOOD + '  "two words": {small: tiny, large: big}\n',
        (
            '7: routes.two words: "two words" cannot be a name; use letters, digits and - _ . : / @, at most 100, '
            "beginning with a letter or digit"
        ),
    ),
    "an unknown fallback": (
        GOOD.replace("threshold: 0.12", "fallbacks: [tiny, bog]"),
        '6: routes.default.fallbacks[1]: model "bog" is not configured; did you mean "big"?',
    ),
    "a fallback that is no list": (
        GOOD.replace("threshold: 0.12", "fallbacks: tiny"),
        "6: routes.default.fallbacks: must be a list; write [a, b]",
    ),
    "a field set twice": (
        GOOD.replace("threshold: 0.12", "threshold: 0.12, threshold: 0.2"),
        '6: routes.default.threshold: "threshold" is set twice, first in line 6; keep one of the two',
    ),
    "a variable that is not set": (
        GOOD.replace("os.environ/TINY_KEY", "os.environ/TINNY_KEY"),
        "3: models.tiny.api_key: the environment variable TINNY_KEY is not set; export TINNY_KEY=…",
    ),
    "a shell variable": (
        GOOD.replace("os.environ/TINY_KEY", '"${TINY_KEY}"'),
        "3: models.tiny.api_key: a shell variable is not read here; write os.environ/TINY_KEY",
    ),
    "a base URL without a scheme": (
        GOOD.replace("http://127.0.0.1:9001/v1", "127.0.0.1:9001/v1"),
        "2: models.tiny.base_url: must begin with http:// or https://; write it as https://host/v1",
    ),
    "a base URL with a password": (
        GOOD.replace("http://127", "http://u:p@127"),
        "2: models.tiny.base_url: has a user name or password in it; put the key in api_key",
    ),
    "a negative price": (
        GOOD.replace("0.10", "-0.1"),
        "3: models.tiny.price.input: cannot be negative",
    ),
    "a price finer than a pico-dollar": (
        GOOD.replace("0.10", "0.1234567"),
        "3: models.tiny.price.input: 0.1234567 is finer than 6 decimals of a dollar per million",
    ),
    "half a price": (
        GOOD.replace("{input: 0.10, output: 0.40}", "{input: 0.10}"),
        "3: models.tiny.price: output: missing; state USD per million tokens, such as output: 0.15",
    ),
    "a mixed price": (
        GOOD.replace("output: 0.40}", "output: 0.40, tokens_per_second: 5}"),
        None,
    ),
    "a section that is no mapping": (
        GOOD + "server: 8080\n",
        "7: server: must be a mapping; write fields below it, indented, or {field: value}",
    ),
    "first byte after the end": (
        GOOD.replace("model: tiny-1", "timeouts: {total_s: 10, first_byte_s: 20}"),
        (
            "2: models.tiny.timeouts.first_byte_s: is longer than the whole attempt may take (10 s); "
            "raise total_s or lower this one"
        ),
    ),
    "a classifier that is not there": (
        GOOD + "classifier: nowhere\n",
        (
            "7: classifier: there is no such directory; name the directory that `pennyroute train --out` wrote, "
            "or leave the field out"
        ),
    ),
    "a header that cannot be sent": (
        GOOD.replace("model: tiny-1", 'headers: {x-a: "a\\nb"}'),
        (
            "2: models.tiny.headers.x-a: has a character that cannot be sent in a header; "
            "look for a line end or a curly quote that was copied along"
        ),
    ),
    "an empty models section": (MODELS.partition("\n")[0] + " {}\n" + GOOD[GOOD.index("routes:") :], None),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_mistake_is_said_in_these_words(tmp_path: Path, name: str):
    text, words = ONE_PROBLEM[name]
    checked = check(tmp_path, text)
    assert checked.settings is None
    if words is not None:
        assert said(checked) == [words]


WHOLE_FILE = {
    "empty": (b"", "is empty"),
    "only a comment": (b"# nothing\n", "is empty"),
    "a list": (b"- a\n- b\n", "is not a mapping of fields"),
    "a word": (b"hello", "is not a mapping of fields"),
    "not UTF-8": (b"models:\n  \xff\xfe: 1\n", "the file is not UTF-8 text"),
    "a NUL": (b"models:\n  a: '\x00'\n", "a character that YAML does not allow"),
    "a tab": (b"models:\n\ttiny: 1\n", "indent with spaces, not tabs"),
    "an open bracket": (b"models: {tiny: {\n", "this is not YAML"),
    "too large": (b"# " + b"x" * 300_000, "at most 262144"),
    "two documents": (b"models: {}\n---\nroutes: {}\n", "this is not YAML"),
    "deep": (b"a: " + b"[" * 200 + b"]" * 200, "nested too deeply"),
    "very deep": (b"a: " + b"[" * 20_000, "nested too deeply"),
    "a bomb of aliases": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n".encode()
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "too many aliases",
    ),
    "an alias inside itself": (b"a: &a [*a]\n", "nested too deeply"),
    "an object": (b"models: !!python/object:os.system {}\n", "models"),
    "a false tag": (b"server: {port: !!int abc}\n", "the tag says a number"),
    "an endless number": (b"server: {port: " + b"9" * 5_000 + b"}\n", "too long to be meant"),
    "a mapping as a name": (b"models: {? {a: b} : c}\n", "a field name must be plain text"),
}


@pytest.mark.parametrize("name", WHOLE_FILE)
def test_a_file_that_cannot_be_read_says_why_and_never_breaks_the_check(tmp_path: Path, name: str):
    content, words = WHOLE_FILE[name]
    path = tmp_path / "pennyroute.yaml"
    path.write_bytes(content)
    checked = check_config(path, KEYS, lambda *_: True)
    assert checked.settings is None
    assert any(words in line for line in said(checked)), said(checked)
    assert len(checked.problems) < 20


def test_a_missing_file_and_a_directory_are_said_as_such(tmp_path: Path):
    assert "there is no such file" in said(check_config(tmp_path / "pennyroute.yaml", {}))[0]
    (tmp_path / "pennyroute.yaml").mkdir()
    assert "cannot be read: Is a directory" in said(check_config(tmp_path / "pennyroute.yaml", {}))[0]


def test_a_key_in_the_file_is_warned_about_but_works(tmp_path: Path):
    checked = check(tmp_path, GOOD.replace("os.environ/TINY_KEY", "sk-written-down"))
    assert checked.settings is not None
    assert [problem.severity for problem in checked.problems] == [Severity.WARNING]
    assert said(checked) == [
        (
            "3: warning: models.tiny.api_key: a key is written in this file, where it can be copied and committed; "
            "write api_key: os.environ/TINY_KEY and set that variable"
        )
    ]


def test_one_model_for_both_tiers_is_warned_about(tmp_path: Path):
    checked = check(tmp_path, GOOD.replace("large: big", "large: tiny"))
    assert checked.settings is not None
    assert "saves nothing" in checked.warnings[0].message


def test_a_model_nobody_has_a_price_for_stops_the_start_and_says_how_to_add_one(tmp_path: Path):
    checked = check(tmp_path, GOOD, priced=False)
    assert said(checked) == [
        (
            '4: models.big: no price is known for model "claude-opus-5-5" of provider anthropic; add price: '
            "{input: 0.10, output: 0.40} (USD per million tokens), or write price: unknown-ok on route default"
        )
    ]


def test_an_unknown_price_is_allowed_only_if_every_route_of_the_model_allows_it(tmp_path: Path):
    allowed = GOOD.replace("threshold: 0.12", "price: unknown-ok")
    assert check(tmp_path, allowed, priced=False).settings is not None
    checked = check(
        tmp_path,
        allowed + "  strict: {small: tiny, large: tiny, fallbacks: [big]}\n",
        priced=False,
    )
    assert "on route strict" in str(checked.errors[0])


def test_the_packaged_book_is_asked_when_nobody_else_is(tmp_path: Path):
    assert check_config(write(tmp_path, GOOD), KEYS).settings is not None
    checked = check_config(write(tmp_path, GOOD.replace("claude-opus-5-5", "claude-nonesuch")), KEYS)
    assert "no price is known" in checked.errors[0].message
