"""Does the store answer, will it keep what it is told, and who may call?"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from router.cli.checkup.replication import made_of, replication
from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.settings import Settings
    from router.store.connection import Server, Store

_PINGS: Final = 20
_SLOW_MS: Final = 5.0
_OLDEST: Final = (6, 2)
_NEARLY_FULL: Final = 0.9
_NEVER_FORGET: Final = "noeviction"


async def store(settings: "Settings", data_dir: Path) -> list[Row]:
    """Everything about the store and the keys in it."""
    from router.errors import PennyrouteError
    from router.setup import open_store

    ours = settings.store.url is None
    to_do = (
        f"look into {data_dir}/store/valkey.log"
        if ours
        else "start it, or correct REDIS_URL (or store.url in the configuration)"
    )
    try:
        async with open_store(settings, data_dir) as opened:
            servers = await opened.servers()
            return [
                await _answers(opened, servers, ours=ours),
                *_silent(servers),
                *_all(servers, "persistence", _persistence),
                *_all(servers, "eviction", _eviction),
                *_all(servers, "memory", _memory),
                *await replication(opened, servers),
                await _keys(opened, settings),
            ]
    except PennyrouteError as error:
        return [Row("store", "", Verdict.FAIL, error.message, to_do)]


async def _answers(opened: "Store", servers: "Sequence[Server]", *, ours: bool) -> Row:
    said = f"{'embedded ' if ours else ''}{made_of(opened, servers)}"
    latency_ms = await _latency_ms(opened)
    said += f", answers in {latency_ms:.2f} ms"
    if any(_version(server.info["redis_version"]) < _OLDEST for server in servers if server.info):
        return Row("store", "server", Verdict.FAIL, said, "use Redis 6.2 or newer, or Valkey")
    if latency_ms > _SLOW_MS:
        to_do = "every call asks it twice: put it in the same network as the service"
        return Row("store", "server", Verdict.WARN, said, to_do)
    return Row("store", "server", Verdict.OK, said)


def _silent(servers: "Sequence[Server]") -> Iterator[Row]:
    for server in servers:
        if not server.info:
            verdict = Verdict.FAIL if server.primary else Verdict.WARN
            role = "primary" if server.primary else "replica"
            yield Row("store", server.name, verdict, f"this {role} does not answer", "look at its machine")


def _all(
    servers: "Sequence[Server]", subject: str, look: "Callable[[Mapping[str, str]], Row | None]"
) -> Iterator[Row]:
    """What is wrong, server by server; else what one of them says, which is what all say."""
    looked = [(server, row) for server in servers if server.info and (row := look(server.info))]
    wrong = [(server, row) for server, row in looked if row.verdict is not Verdict.OK]
    if len(servers) == 1 or not wrong:
        yield from [row for _, row in looked[:1]]
        return
    for server, row in wrong:
        yield dataclasses.replace(row, subject=f"{subject} {server.name}")


async def _latency_ms(opened: "Store") -> float:
    taken = []
    for _ in range(_PINGS):
        started_s = time.perf_counter()
        await opened.now_ms()
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken) * 1000


def _persistence(info: Mapping[str, str]) -> Row:
    if info.get("aof_enabled") != "1":
        return Row(
            "store",
            "persistence",
            Verdict.WARN,
            "the append-only file is off: a restart of the store LOSES MONEY RECORDS",
            "CONFIG SET appendonly yes, and appendonly yes in the server's file",
        )
    if info.get("aof_last_write_status", "ok") != "ok":
        return Row(
            "store",
            "persistence",
            Verdict.FAIL,
            "the append-only file could not be written the last time",
            "look at the disk: is it full?",
        )
    return Row("store", "persistence", Verdict.OK, "the append-only file is on")


def _eviction(info: Mapping[str, str]) -> Row:
    policy = info.get("maxmemory_policy", _NEVER_FORGET)
    if policy != _NEVER_FORGET:
        return Row(
            "store",
            "eviction",
            Verdict.FAIL,
            f"maxmemory-policy is {policy}: a full store would FORGET MONEY RECORDS; serve refuses it",
            f"CONFIG SET maxmemory-policy {_NEVER_FORGET}, and the same in the server's file",
        )
    return Row("store", "eviction", Verdict.OK, f"maxmemory-policy is {policy}")


def _memory(info: Mapping[str, str]) -> Row | None:
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > _NEARLY_FULL * limit:
        said = f"{used / limit:.0%} of maxmemory is used; a full store refuses new calls"
        return Row("store", "memory", Verdict.WARN, said, "raise maxmemory")
    return None


async def _keys(opened: "Store", settings: "Settings") -> Row:
    from router.access.keys import KeyRing
    from router.http.guard import is_loopback

    found = await KeyRing(opened).all()
    good = sum(key.revoked_at_ms is None for key in found.values())
    host = settings.server.host
    make = "pennyroute keys create NAME --scope admin"
    if good:
        return Row("keys", "", Verdict.OK, f"{good} in force; every call needs one")
    if found:
        return Row("keys", "", Verdict.WARN, "all are revoked, so nobody can call", make)
    if not is_loopback(host):
        said = f"there are none, and {host} is reached from other machines: the service does not start"
        return Row("keys", "", Verdict.FAIL, said, f"{make}, or listen on 127.0.0.1")
    return Row("keys", "", Verdict.OK, "there are none: whoever is on this machine may call")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
