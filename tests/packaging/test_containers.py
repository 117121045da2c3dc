"""The image and the compose file, read: every path, command, port and variable in them is a real one."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.providers.presets import PRESETS

ROOT = Path(__file__).parents[2]
PORT = "8080"

Instructions = list[tuple[str, str]]
Compose = dict[str, Any]


@pytest.fixture(scope="module")
def instructions() -> Instructions:
    """The Dockerfile's instructions, each with its arguments on one line."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [
        (word, rest.strip())
        for line in lines
        if line.strip() and not line.startswith("#")
        for word, _, rest in [line.partition(" ")]
    ]


@pytest.fixture(scope="module")
def compose() -> Compose:
    found: Compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return found


def arguments(instructions: Instructions, wanted: str) -> list[str]:
    return [rest for word, rest in instructions if word == wanted]


def last_stage(instructions: Instructions) -> Instructions:
    starts = [at for at, (word, _) in enumerate(instructions) if word == "FROM"]
    return instructions[starts[-1] :]


def services_of_ours(compose: Compose) -> dict[str, Any]:
    return {name: service for name, service in compose["services"].items() if "build" in service}


def test_what_the_image_copies_is_there_and_not_ignored(instructions: Instructions):
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = set()
    for rest in arguments(instructions, "COPY"):
        if not rest.startswith("--from="):
            copied |= set(shlex.split(rest)[:-1])
    assert "*" in ignored
    assert all((ROOT / source).exists() for source in copied)
    assert copied == let_through


def test_the_image_has_every_package_of_the_distribution(instructions: Instructions):
    copied = " ".join(arguments(instructions, "COPY"))
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    packages = re.search(r"^packages = (\[.*\])$", pyproject, re.MULTILINE)
    assert packages
    assert all(f"{package} {package}" in copied for package in json.loads(packages[1]))


def test_everything_the_image_installs_is_locked(instructions: Instructions):
    installs = [
        part for rest in arguments(instructions, "RUN") for part in rest.split("&&") if "install " in part
    ]
    by_pip = [part for part in installs if "pip install" in part]
    assert len(by_pip) == 2
    assert all("--require-hashes" in part or "--no-deps --no-build-isolation" in part for part in by_pip)


def test_the_images_are_pinned_to_a_version(instructions: Instructions, compose: Compose):
    bases = [rest.split()[0] for rest in arguments(instructions, "FROM")]
    bases += [service["image"] for service in compose["services"].values() if "build" not in service]
    assert len(set(bases[:2])) == 1, "both stages stand on the same Python"
    assert all(re.fullmatch(r"[a-z/-]+:\d+\.\d+[a-z0-9.-]*", base) for base in bases)


def test_the_service_runs_without_rights(instructions: Instructions, compose: Compose):
    stage = last_stage(instructions)
    assert arguments(stage, "USER") == ["10001:10001"]
    assert stage.index(("USER", "10001:10001")) < [word for word, _ in stage].index("ENTRYPOINT")
    for service in services_of_ours(compose).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service


def test_commands_are_in_exec_form_so_that_signals_reach_them(instructions: Instructions):
    for word in ("ENTRYPOINT", "CMD"):
        assert len(arguments(instructions, word)) == 1
        assert isinstance(json.loads(arguments(instructions, word)[0]), list)
    assert json.loads(arguments(instructions, "ENTRYPOINT")[0]) == ["pennyroute"]


def test_no_secret_is_written_down(instructions: Instructions, compose: Compose):
    written = [rest for word, rest in instructions if word in {"ENV", "ARG"}]
    assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD", " ".join(written))
    keys = {preset.key_env for preset in PRESETS.values() if preset.key_env} | {"PENNYROUTE_ANSWERS_KEY"}
    for service in services_of_ours(compose).values():
        passed_on = {name: value for name, value in service["environment"].items() if name != "REDIS_URL"}
        assert set(passed_on.values()) == {None}
        assert set(passed_on) <= keys


def test_ports_agree(instructions: Instructions, compose: Compose):
    command = json.loads(arguments(instructions, "CMD")[0])
    assert command[command.index("--port") + 1] == PORT
    assert arguments(instructions, "EXPOSE") == [PORT]
    assert f"127.0.0.1:{PORT}/readyz" in arguments(instructions, "HEALTHCHECK")[0]
    proxy = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    assert set(re.findall(r"server (\S+):(\d+) resolve", proxy)) == {
        (name, PORT) for name in services_of_ours(compose)
    }
    for service in services_of_ours(compose).values():
        assert service["expose"] == [PORT]
        assert "ports" not in service, "reached through the proxy only"
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published == [f"127.0.0.1:{PORT}:{PORT}"]


def test_the_proxy_never_sends_a_query_twice_and_passes_streams_on():
    proxy = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    said = re.sub(r"#.*", "", proxy)
    assert re.findall(r"proxy_next_upstream ([^;]+);", said) == ["error timeout"]
    assert "proxy_buffering off;" in said
    assert said.count("{") == said.count("}")


def test_two_services_stand_behind_the_proxy_each_with_a_spool_of_its_own(compose: Compose):
    ours = services_of_ours(compose)
    assert len(ours) == 2
    volumes = [volume for service in ours.values() for volume in service["volumes"]]
    assert len(set(volumes)) == 2
    assert all(volume.endswith(":/data") for volume in volumes)
    used = {
        v.split(":")[0] for s in compose["services"].values() for v in s["volumes"] if not v.startswith(".")
    }
    assert used == set(compose["volumes"])
    assert set(compose["services"]["proxy"]["depends_on"]) == set(ours)


def test_each_waits_until_what_it_needs_is_healthy(instructions: Instructions, compose: Compose):
    assert "/readyz" in arguments(last_stage(instructions), "HEALTHCHECK")[0]
    checked = {
        name: service["healthcheck"]
        for name, service in compose["services"].items()
        if "build" not in service
    }
    assert all(check["test"][0] in {"CMD", "CMD-SHELL"} for check in checked.values())
    for service in compose["services"].values():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert needed in {*checked, *services_of_ours(compose)}


def test_the_store_keeps_what_it_acknowledged_and_evicts_nothing(compose: Compose):
    store = compose["services"]["store"]
    words = store["command"]
    settings = dict(zip(words[1::2], words[2::2], strict=True))
    assert settings["--appendonly"] == "yes"
    assert settings["--maxmemory-policy"] == "noeviction"
    assert settings["--save"] == ""
    assert settings["--dir"] == "/data"
    assert store["volumes"] == ["store:/data"]
    assert "ports" not in store
    for service in services_of_ours(compose).values():
        assert service["environment"]["REDIS_URL"] == "redis://store:6379/0"
