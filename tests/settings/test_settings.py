"""A good configuration becomes typed settings."""

import os
from decimal import Decimal
from pathlib import Path

import pydantic
import pytest

from policies import ExcessInput
from router.pricing.book import load_book
from router.providers.presets import PRESETS, Preset
from router.settings import SAMPLE_ROUTES, ConfigError, load_settings, offline_settings, zero_config
from router.settings.checked import KEY_NOT_SET, without_model_keys
from tests.settings.writing import GOOD, KEYS, check, said, write


def test_the_smallest_useful_form_is_read_as_it_is_meant(tmp_path: Path):
    settings = load_settings(write(tmp_path, GOOD), KEYS)
    tiny, big, route = settings.models["tiny"], settings.models["big"], settings.routes["default"]
    assert (tiny.provider, tiny.model, tiny.base_url) == (
        "openai-compatible",
        "tiny-1",
        "http://127.0.0.1:9001/v1",
    )
    assert tiny.api_key is not None
    assert tiny.api_key.reveal() == "tiny-secret-1"
    assert big.api_key is not None
    assert big.api_key.reveal() == "anthropic-secret-2"
    assert (route.small, route.large, route.threshold) == ("tiny", "big", 0.12)
    assert (route.attempts, route.fallbacks, route.store_prompts) == (3, (), False)
    assert route.caps.on_excess_input is ExcessInput.REFUSE


def test_a_stated_price_is_exact_and_lies_over_the_book(tmp_path: Path):
    settings = load_settings(write(tmp_path, GOOD), KEYS)
    price = settings.stated_prices()["tiny"]
    assert (price.rates.input, price.rates.output) == (100_000, 400_000)
    book = load_book(settings.stated_prices())
    assert book.price("openai-compatible", "tiny-1") == price


def test_a_self_hosted_price_is_taken_with_its_derivation(tmp_path: Path):
    text = GOOD.replace(
        "{input: 0.10, output: 0.40}", "{usd_per_hour: 3.6, tokens_per_second: 1000, utilisation: 0.5}"
    )
    price = load_settings(write(tmp_path, text), KEYS).stated_prices()["tiny"]
    assert price.rates.output == 2_000_000  # 3.6 USD buys 1.8 million tokens
    assert "3.6 USD/h" in price.note


def test_what_is_left_out_takes_its_default(tmp_path: Path):
    settings = load_settings(write(tmp_path, GOOD), KEYS)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.server.max_body_bytes == 10 * 1024 * 1024
    assert (settings.ledger.hold_expiry_s, settings.ledger.extend_every_s) == (120, 20)
    assert settings.ledger.decision_retention_days == 30
    assert settings.store.url is None
    assert settings.models["big"].supports.tools is None


def test_a_model_without_an_upstream_name_is_called_by_its_own(tmp_path: Path):
    text = GOOD.replace("model: tiny-1,", "")
    assert load_settings(write(tmp_path, text), KEYS).models["tiny"].model == "tiny"


@pytest.mark.parametrize(
    "preset", [p for p in PRESETS.values() if p.base_url], ids=lambda preset: preset.name
)
def test_a_preset_fills_in_its_address_and_key(tmp_path: Path, preset: Preset):
    text = GOOD.replace(
        "{provider: anthropic, model: claude-opus-5-5}", f"{{provider: {preset.name}, model: m}}"
    )
    environ = {**KEYS, **({preset.key_env: "preset-key"} if preset.key_env else {})}
    checked = check(tmp_path, text, environ)
    assert checked.settings is not None, said(checked)
    model = checked.settings.models["big"]
    assert model.base_url == preset.base_url.rstrip("/")
    assert (model.api_key and model.api_key.reveal()) == ("preset-key" if preset.key_env else None)


def test_a_server_of_ones_own_behind_a_providers_wire_needs_no_key(tmp_path: Path):
    text = GOOD.replace(
        "{provider: anthropic, model: claude-opus-5-5}",
        "{provider: openai, base_url: http://10.0.0.7/v1/, model: m}",
    )
    checked = check(tmp_path, text)
    assert checked.settings is not None
    assert checked.settings.models["big"].base_url == "http://10.0.0.7/v1"
    assert checked.settings.models["big"].api_key is None


def test_redis_url_is_taken_from_the_environment_unless_the_file_names_one(tmp_path: Path):
    environ = {**KEYS, "REDIS_URL": "redis://from-environment:6379/0"}
    settings = load_settings(write(tmp_path, GOOD), environ)
    assert settings.store.url is not None
    assert settings.store.url.reveal() == "redis://from-environment:6379/0"
    settings = load_settings(write(tmp_path, GOOD + "store: {url: redis://from-file}\n"), environ)
    assert settings.store.url is not None
    assert settings.store.url.reveal() == "redis://from-file"


def test_the_classifier_is_found_from_the_directory_of_the_file(tmp_path: Path):
    (tmp_path / "artifact").mkdir()
    settings = load_settings(write(tmp_path, GOOD + "classifier: artifact\n"), KEYS)
    assert settings.classifier == (tmp_path / "artifact").resolve()


def test_settings_cannot_be_changed(tmp_path: Path):
    settings = load_settings(write(tmp_path, GOOD), KEYS)
    with pytest.raises(pydantic.ValidationError):
        settings.server.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.models["tiny"] = settings.models["big"]  # type: ignore[index]
    with pytest.raises(TypeError):
        settings.models["tiny"].headers["x"] = "y"  # type: ignore[index]


def test_shared_parts_can_be_written_once_with_anchors(tmp_path: Path):
    text = (
        GOOD
        + """\
  support:
    <<: &usual {small: tiny, large: big, caps: {max_output_tokens: 500}}
    threshold: 0.3
  legal: {<<: *usual, threshold: 0.05}
"""
    )
    routes = load_settings(write(tmp_path, text), KEYS).routes
    assert routes["support"].threshold == 0.3
    assert routes["legal"].threshold == 0.05
    assert routes["legal"].caps.max_output_tokens == 500


def test_plain_words_stay_words_and_numbers_numbers(tmp_path: Path):
    text = GOOD.replace("0.12", "1e-2").replace("tiny-1", "no").replace("0.10", '"0.15"')
    settings = load_settings(write(tmp_path, text), KEYS)
    assert settings.routes["default"].threshold == 0.01
    assert settings.models["tiny"].model == "no"
    price = settings.models["tiny"].price
    assert price is not None
    assert price.input == Decimal("0.15")


def test_neither_repr_nor_dump_shows_a_key(tmp_path: Path):
    text = (
        GOOD.replace("model: tiny-1,", "headers: {x-org: header-secret-3},")
        + "store: {url: redis://user:store-secret-4@host}\n"
    )
    settings = load_settings(write(tmp_path, text), KEYS)
    everything = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    for secret in (*KEYS.values(), "header-secret-3", "store-secret-4"):
        assert secret not in everything


def test_without_a_file_the_offline_upstream_answers_on_the_sample_routes():
    settings = load_settings(None, {})
    assert tuple(settings.routes) == SAMPLE_ROUTES
    assert {model.provider for model in settings.models.values()} == {"offline"}
    assert {settings.routes["default"].small, settings.routes["default"].large} == {
        "offline/small",
        "offline/large",
    }


def test_a_found_pair_is_checked_like_a_file():
    models = {"gpt": {"provider": "openai", "model": "gpt-x"}, "opus": {"provider": "anthropic"}}
    environ = {"OPENAI_API_KEY": "a-key", "ANTHROPIC_API_KEY": "b-key"}
    settings = zero_config(models, "gpt", "opus", environ, has_price=lambda *_: True)
    assert list(settings.routes) == ["default"]
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY is not set"):
        zero_config(models, "gpt", "opus", {"OPENAI_API_KEY": "a"}, has_price=lambda *_: True)
    with pytest.raises(ConfigError, match="no price is known"):
        zero_config(models, "gpt", "opus", environ, has_price=lambda *_: False)
    settings = zero_config(
        models, "gpt", "opus", environ, allow_unknown_price=True, has_price=lambda *_: False
    )
    assert settings.routes["default"].price == "unknown-ok"


def test_a_wrong_redis_url_is_said_without_its_password():
    with pytest.raises(ConfigError) as caught:
        offline_settings({"REDIS_URL": "http://user:hunter22@host"})
    assert "must begin with redis://" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_the_real_environment_is_never_read_behind_the_callers_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(os.environ, "TINY_KEY", "from-the-process")
    checked = check(tmp_path, GOOD, {"ANTHROPIC_API_KEY": "given"})
    assert [problem.path for problem in checked.errors] == ["models.tiny.api_key"]


def test_only_what_the_models_send_is_stood_in_for_where_it_is_not_set(tmp_path: Path):
    path = write(
        tmp_path,
        """\
        models:
          tiny: {provider: openai-compatible, base_url: os.environ/WHERE, api_key: os.environ/TINY_KEY,
                 headers: {x-org: os.environ/ORG, x-both: os.environ/WHERE}}
          big:  {provider: anthropic, model: claude-opus-5-5}
          own:  {provider: openai, base_url: http://127.0.0.1:9/v1}
        routes:
          default: {small: tiny, large: big}
        store: {url: os.environ/STORE}
        """,
    )
    environ = {"TINY_KEY": "tiny-secret-1", "HOME": "/", "ANTHROPIC_API_KEY": ""}
    assert without_model_keys(path, environ) == environ | {
        "ORG": KEY_NOT_SET,
        "ANTHROPIC_API_KEY": KEY_NOT_SET,
    }


def test_where_there_is_no_mapping_to_read_the_environment_stays_as_it_is(tmp_path: Path):
    for path in (
        None,
        tmp_path / "nowhere.yaml",
        write(tmp_path, "- a list\n"),
        write(tmp_path, "models: 3\n"),
    ):
        assert without_model_keys(path, KEYS) == KEYS
