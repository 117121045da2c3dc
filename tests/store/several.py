"""Stores of several servers on loopback: a Cluster of three primaries and three replicas, and Sentinels."""

import contextlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.store.servers import KINDS, Killable

NODE_TIMEOUT_MS = 800
_SLOTS = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))
_PORTS = (20_000, 32_000)
_STARTS = 3  # a port that was free a moment ago may be somebody else's


def free_port() -> int:
    """One below those that outgoing connections are given: such a one may be taken a moment later."""
    while True:
        port = random.randrange(*_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass
class Peer(Killable):
    """One server on a port of loopback; its AOF survives `kill` and `start`."""

    kind: str
    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    sentinel: str = ""
    password: str | None = None
    port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Peer":
        for _ in range(_STARTS if not self.port else 1):
            self._start(self.port or free_port())
            if self._ready():
                return self
            self.process = None
        raise AssertionError((self.folder / "log").read_text())

    def _start(self, port: int) -> None:
        self.port = port
        binary = KINDS[self.kind]
        assert binary is not None
        settings = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            **self.options,
        }
        if "cluster-enabled" in settings:  # the bus would be 10,000 above: a port that there may be none of
            settings["cluster-port"] = str(free_port())
        first = []
        if self.sentinel:
            file = self.folder / "sentinel.conf"
            file.write_text(self.sentinel)
            first = [str(file), "--sentinel"]
            settings.pop("save")
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([binary, *first, *words], stdout=log, stderr=log)

    def _ready(self) -> bool:
        assert self.process is not None
        while self.process.poll() is None:
            with contextlib.suppress(RedisError):
                if self.ask("PING"):
                    return True
            time.sleep(0.005)
        return False

    def ask(self, *words: str | int) -> Any:
        with Redis(port=self.port, password=self.password, decode_responses=True, protocol=2) as client:
            return client.execute_command(*words)


@dataclass
class Several:
    """Servers that are one store; `fail_over` makes a replica primary of a key."""

    kind: str
    peers: list[Peer] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    url: str = ""

    def peer(self, sentinel: str = "", password: str | None = None, **options: str) -> Peer:
        self.folders.append(Path(tempfile.mkdtemp(prefix="pr-")))
        plain = {"appendonly": "yes", "appendfsync": "everysec", "repl-diskless-sync-delay": "0"}
        found = {**plain, **{name.replace("_", "-"): value for name, value in options.items()}}
        peer = Peer(self.kind, self.folders[-1], {} if sentinel else found, sentinel, password)
        self.peers.append(peer.start())
        return peer

    def at(self, address: str) -> Peer:
        return next(peer for peer in self.peers if peer.address == address)

    def empty(self) -> None:
        for peer in self.peers:
            if not peer.sentinel and peer.ask("ROLE")[0] == "master":
                peer.ask("FLUSHALL")

    def stop(self) -> None:
        for peer in self.peers:
            if peer.process is not None:
                peer.thaw()
                peer.kill()
        for folder in self.folders:
            shutil.rmtree(folder)

    def whole(self) -> None:
        """Brings back what was killed, as a replica, and waits until every primary has its replica again."""
        for peer in self.peers:
            if peer.process is None:
                self.restart(peer)
        until(self.complete)

    def restart(self, peer: Peer) -> None:
        peer.start()

    def complete(self) -> bool:
        raise NotImplementedError

    def primary_of(self, key: str) -> Peer:
        raise NotImplementedError

    def replica_of(self, key: str) -> Peer:
        raise NotImplementedError

    def caught_up(self, key: str) -> None:
        """Waits until the replica of a key has all that its primary has acknowledged."""
        primary = self.primary_of(key)
        until(
            lambda: (
                primary.ask("ROLE")[2] and int(primary.ask("ROLE")[2][0][2]) >= int(primary.ask("ROLE")[1])
            )
        )

    def losing(self, key: str) -> "contextlib.AbstractContextManager[None]":
        """What is written meanwhile never reaches the replica of a key; then the primary dies."""

        @contextlib.contextmanager
        def cut_off() -> Iterator[None]:
            primary, replica = self.primary_of(key), self.replica_of(key)
            replica.freeze()
            primary.ask("CLIENT", "KILL", "TYPE", "REPLICA")  # else the kernel would keep for it what is sent
            yield
            primary.kill()
            replica.thaw()
            until(lambda: self.primary_of(key) is replica)

        return cut_off()


class SeveralCluster(Several):
    """Three primaries and a replica of each."""

    def start(self) -> "SeveralCluster":
        options = {
            "cluster_enabled": "yes",
            "cluster_node_timeout": str(NODE_TIMEOUT_MS),
            "cluster_replica_validity_factor": "0",
            "repl_ping_replica_period": "1",
        }
        nodes = [self.peer(**options) for _ in range(6)]
        for epoch, node in enumerate(nodes, 1):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        for node, (first, last) in zip(nodes[:3], _SLOTS, strict=True):
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            bus = nodes[0].ask("CONFIG", "GET", "cluster-port")[1]
            node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
        for primary, replica in zip(nodes[:3], nodes[3:], strict=True):
            name = primary.ask("CLUSTER", "MYID")
            until(lambda replica=replica, name=name: name in replica.ask("CLUSTER", "NODES"))  # type: ignore[misc]
            replica.ask("CLUSTER", "REPLICATE", name)
        self.url = f"redis+cluster://{nodes[0].address},{nodes[4].address}"
        until(self.complete)
        return self

    def complete(self) -> bool:
        for peer in self.peers:
            if "cluster_state:ok" not in peer.ask("CLUSTER", "INFO"):
                return False
            ranges = peer.ask("CLUSTER", "SLOTS")
            if len(ranges) != 3 or any(len(found) != 4 for found in ranges):
                return False
        roles = [peer.ask("ROLE") for peer in self.peers]
        return all(role[0] == "master" or role[3] == "connected" for role in roles)

    def _servers(self, key: str) -> list[Peer]:
        slot = self._living().ask("CLUSTER", "KEYSLOT", key)
        ranges = self._living().ask("CLUSTER", "SLOTS")
        found = next(row for row in ranges if row[0] <= slot <= row[1])
        return [self.at(f"{host}:{port}") for host, port, *_ in found[2:]]

    def _living(self) -> Peer:
        """One that answers, and is neither first nor last to know: a primary wherever possible."""
        for peer in self.peers:
            if peer.process is not None and not _stopped(peer) and peer.ask("ROLE")[0] == "master":
                return peer
        raise AssertionError("no primary is left")

    def primary_of(self, key: str) -> Peer:
        return self._servers(key)[0]

    def replica_of(self, key: str) -> Peer:
        return self._servers(key)[1]

    def fail_over(self, key: str) -> None:
        """In order: nothing is lost."""
        replica = self.replica_of(key)
        replica.ask("CLUSTER", "FAILOVER")
        until(lambda: self.primary_of(key) is replica)


class SeveralSentinel(Several):
    """A primary, a replica, three Sentinels."""

    service = "pennyroute-test"

    def start(self) -> "SeveralSentinel":
        primary = self.peer()
        self.peer(replicaof=f"127.0.0.1 {primary.port}")
        watch = (
            f"sentinel monitor {self.service} 127.0.0.1 {primary.port} 2\n"
            f"sentinel down-after-milliseconds {self.service} {NODE_TIMEOUT_MS}\n"
            f"sentinel failover-timeout {self.service} 5000\n"
        )
        self.sentinels = [self.peer(sentinel=watch) for _ in range(3)]
        hosts = ",".join(sentinel.address for sentinel in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{self.service}"
        until(self.complete)
        return self

    def complete(self) -> bool:
        for sentinel in self.sentinels:
            found = sentinel.ask("SENTINEL", "MASTER", self.service)
            state = dict(zip(found[::2], found[1::2], strict=True))
            if (
                state["num-slaves"] != "1"
                or state["num-other-sentinels"] != "2"
                or state["flags"] != "master"
            ):
                return False
            replica = sentinel.ask("SENTINEL", "REPLICAS", self.service)[0]
            if dict(zip(replica[::2], replica[1::2], strict=True))["flags"] != "slave":
                return False
        roles = [peer.ask("ROLE") for peer in self.peers[:2]]
        return sorted(role[0] for role in roles) == ["master", "slave"] and all(
            role[0] == "master" or role[3] == "connected" for role in roles
        )

    def primary_of(self, key: str) -> Peer:
        del key
        host, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return self.at(f"{host}:{port}")

    def replica_of(self, key: str) -> Peer:
        primary = self.primary_of(key)
        return next(peer for peer in self.peers[:2] if peer is not primary)

    def whole(self) -> None:
        """See `Several`; what was primary before becomes a replica without the ten seconds Sentinels take."""
        primary = self.primary_of("")
        for peer in self.peers[:2]:
            if peer.process is not None and peer is not primary and peer.ask("ROLE")[0] == "master":
                peer.ask("REPLICAOF", "127.0.0.1", primary.port)
        super().whole()

    def restart(self, peer: Peer) -> None:
        """As a replica at once."""
        primary = self.primary_of("")
        peer.options["replicaof"] = f"127.0.0.1 {primary.port}"
        peer.start()

    def fail_over(self, key: str) -> None:
        """In order, as far as Sentinels know how."""
        before = self.primary_of(key)

        def switched() -> bool:
            with contextlib.suppress(RedisError):  # one is in progress, or was a moment ago
                self.sentinels[0].ask("SENTINEL", "FAILOVER", self.service)
            return self.primary_of(key) is not before

        until(switched)


KINDS_OF_SEVERAL = {"cluster": SeveralCluster, "sentinel": SeveralSentinel}


def until(happened: Callable[[], bool], patience_s: float = 60) -> None:
    """Waits for what servers agree on among themselves."""
    give_up = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < give_up, "the servers did not agree"
        time.sleep(0.02)


def _stopped(peer: Peer) -> bool:
    assert peer.process is not None
    return Path(f"/proc/{peer.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
