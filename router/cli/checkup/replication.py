"""What is the store made of, and would a replica that takes over have what was acknowledged?"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.store.connection import Server, Store

_LONGEST_NODE_TIMEOUT_MS: Final = 20_000  # a primary cut off takes settles for so long; 30 s of them are kept


def made_of(opened: "Store", servers: "Sequence[Server]") -> str:
    """The kind of store in words: `Redis Cluster of 3 primaries and 3 replicas (Valkey 9.1.2)`."""
    from router.store.url import Kind

    kinds = ", ".join(sorted({_version(server) for server in servers if server.info}))
    primaries = sum(server.primary for server in servers)
    replicas = len(servers) - primaries
    if opened.kind is Kind.CLUSTER:
        return (
            f"Redis Cluster of {_count(primaries, 'primary', 'primaries')} and {_count(replicas)} ({kinds})"
        )
    if opened.kind is Kind.SENTINEL:
        return f"{kinds} watched by Sentinels, primary {servers[0].name}, {_count(replicas)}"
    return kinds


async def replication(opened: "Store", servers: "Sequence[Server]") -> list[Row]:
    """Rows about replicas; none where there is one server alone."""
    from router.store.url import Kind

    if opened.kind is Kind.SINGLE:
        return list(_single(servers[0]))
    rows = [*_lacking(servers), *await _windows(opened)]
    said = "every primary has a replica that follows it"
    return rows or [Row("store", "replication", Verdict.OK, said)]


def _single(server: "Server") -> Iterator[Row]:
    if server.info.get("role") == "slave":
        said = "this server is a replica: it takes no writes, so no call is held or settled"
        yield Row("store", "replication", Verdict.FAIL, said, "name the primary in REDIS_URL (or store.url)")


def _lacking(servers: "Sequence[Server]") -> Iterator[Row]:
    for server in servers:
        subject = f"replication {server.name}"
        if server.primary and server.info and server.info.get("connected_slaves") == "0":
            said = "this primary has no replica: its accounts wait in the spool if it dies, until it is back"
            yield Row("store", subject, Verdict.WARN, said, "add a replica")
        if not server.primary and server.info.get("master_link_status", "up") != "up":
            said = "this replica does not follow its primary: should it take over, MONEY RECORDS ARE LOST"
            yield Row("store", subject, Verdict.WARN, said, "look at the network between the two")


async def _windows(opened: "Store") -> list[Row]:
    """Whether a primary that was cut off goes on for longer than the 30 s of settles that workers keep."""
    from router.store.url import Kind

    if opened.kind is Kind.CLUSTER:
        longest = max(await _numbers(opened, "cluster-node-timeout"), default=0)
        if longest > _LONGEST_NODE_TIMEOUT_MS:
            said = f"cluster-node-timeout is {longest} ms: workers keep the settles of their last 30 s alone"
            to_do = "CONFIG SET cluster-node-timeout 15000"
            return [Row("store", "replication", Verdict.WARN, said, to_do)]
        return []
    if 0 in await _numbers(opened, "min-replicas-to-write"):
        said = "min-replicas-to-write is 0: a primary cut off from its Sentinels takes settles the next lacks"
        to_do = "CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 10, also in the servers' files"
        return [Row("store", "replication", Verdict.WARN, said, to_do)]
    return []


async def _numbers(opened: "Store", name: str) -> list[int]:
    """A number of each primary's configuration; none where it may not be read."""
    from router.errors import StoreUnavailable
    from router.store.connection import StoreRefused

    try:
        return [int(text) for text in await opened.configured(name)]
    except (StoreUnavailable, StoreRefused):
        return []


def _version(server: "Server") -> str:
    name = "Valkey" if "valkey_version" in server.info else "Redis"
    return f"{name} {server.info.get('valkey_version') or server.info['redis_version']}"


def _count(number: int, one: str = "replica", more: str = "replicas") -> str:
    return f"{number} {one if number == 1 else more}"
