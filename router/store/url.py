"""The store's URL: one server, a Cluster, or Sentinels that know which server is the primary."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

USUAL: Final = "redis://:password@host:6379/0"
_CLUSTER_FORM: Final = "redis+cluster://user:password@host:6379,host:6379"
_SENTINEL_FORM: Final = "redis+sentinel://user:password@host:26379,host:26379/service-name"
_ENCODED: Final = "special characters of user and password are percent-encoded"
_HOST: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>\d{1,5}))?"
)
_SERVICE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile")
_SENTINEL_OPTIONS: Final = ("sentinel_password", "sentinel_username")


class Kind(StrEnum):
    """What a store is made of."""

    SINGLE = "single"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


_KINDS: Final[Mapping[str, tuple[Kind, bool]]] = {
    "redis": (Kind.SINGLE, False),
    "rediss": (Kind.SINGLE, True),
    "unix": (Kind.SINGLE, False),
    "redis+cluster": (Kind.CLUSTER, False),
    "rediss+cluster": (Kind.CLUSTER, True),
    "redis+sentinel": (Kind.SENTINEL, False),
    "rediss+sentinel": (Kind.SENTINEL, True),
}
SCHEMES: Final = tuple(_KINDS)


class BadStoreUrl(ValueError):  # noqa: N818 - the name says what was wrong
    """A URL that names no store. Neither text holds any part of the URL: it may be a password.

    Attributes:
        wrong: what is wrong with it.
        right: what would be right.
    """

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(f"{wrong}; {right}")
        self.wrong = wrong
        self.right = right


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """What a store's URL says.

    Attributes:
        text: the whole, as the client reads it where there is one server.
        hosts: the nodes or Sentinels to ask first; any that answers will do.
        service: the name that the Sentinels know the primary by.
        db: number of the database; a Cluster has 0 only.
        tls: how to encrypt, by redis-py's names.
    """

    kind: Kind
    text: str = field(repr=False)
    hosts: tuple[Address, ...] = ()
    service: str = ""
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    encrypted: bool = False
    tls: Mapping[str, str] = field(default_factory=dict)

    def server(self, at: Address) -> str:
        """The URL of one of its servers; user and password travel apart."""
        return self._url(at, self.db)

    def sentinel(self, at: Address) -> str:
        """The URL of one of its Sentinels, which have no databases."""
        return self._url(at, 0)

    def _url(self, at: Address, db: int) -> str:
        options = f"?{urlencode(self.tls)}" if self.tls else ""
        return f"{'rediss' if self.encrypted else 'redis'}://{at}/{db}{options}"


def parse_store_url(text: str) -> StoreUrl:
    """Reads a store's URL.

    Raises:
        BadStoreUrl: it names no store; the words show nothing of it.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in _KINDS:
        schemes = ", ".join(f"{known}://" for known in SCHEMES)
        raise BadStoreUrl(f"must begin with redis:// or another of {schemes}", f"write it as {USUAL}")
    kind, encrypted = _KINDS[scheme]
    if kind is Kind.SINGLE:
        return _single(text, encrypted=encrypted)
    return _several(kind, rest, text, encrypted=encrypted)


def _single(text: str, *, encrypted: bool) -> StoreUrl:
    right = f"write it as {USUAL}; {_ENCODED}"
    if "," in text.partition("://")[2].rpartition("@")[2].partition("/")[0] and not text.startswith("unix"):
        raise BadStoreUrl(
            "names several hosts, which one server has not",
            f"write {_CLUSTER_FORM} for a Cluster or {_SENTINEL_FORM} for Sentinels",
        )
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise BadStoreUrl("its host or port cannot be read", right) from None
    if port == 0 or not (host or (parts.scheme == "unix" and parts.path)):
        raise BadStoreUrl("it names no host or port to call", right)
    hosts = (Address(host, port or 6379),) if host and parts.scheme != "unix" else ()
    return StoreUrl(Kind.SINGLE, text, hosts, encrypted=encrypted)


def _several(kind: Kind, rest: str, text: str, *, encrypted: bool) -> StoreUrl:
    form = _CLUSTER_FORM if kind is Kind.CLUSTER else _SENTINEL_FORM
    right = f"write it as {form}; {_ENCODED}"
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    login, at, listed = authority.rpartition("@")
    if "#" in rest or "@" in path or "@" in query:
        raise BadStoreUrl("has a #, or an @ where no user and password end", right)
    username, _, password = login.partition(":")
    service, db = _path(kind, path, right)
    options = _options(kind, query, encrypted=encrypted)
    if "db" in options:
        db = _db(kind, options.pop("db"), right)
    return StoreUrl(
        kind,
        text,
        hosts=tuple(_host(kind, one, right) for one in listed.split(",")),
        service=service,
        db=db,
        username=unquote(username) or None if at else None,
        password=unquote(password) or None if at else None,
        sentinel_username=options.pop("sentinel_username", None),
        sentinel_password=options.pop("sentinel_password", None),
        encrypted=encrypted,
        tls=options,
    )


def _host(kind: Kind, text: str, right: str) -> Address:
    found = _HOST.fullmatch(text)
    usual = 26379 if kind is Kind.SENTINEL else 6379
    port = int(found["port"] or usual) if found else 0
    if found is None or not 0 < port < 65_536:
        raise BadStoreUrl("one of its hosts or ports cannot be read", right)
    return Address(found["ipv6"] or found["name"], port)


def _path(kind: Kind, path: str, right: str) -> tuple[str, int]:
    """The service's name and the number of the database."""
    first, _, second = path.rstrip("/").partition("/")
    if kind is Kind.CLUSTER:
        return "", _db(kind, first, right) if first else 0
    if not _SERVICE.fullmatch(unquote(first)):
        raise BadStoreUrl("does not name the service that the Sentinels watch", right)
    return unquote(first), _db(kind, second, right) if second else 0


def _db(kind: Kind, text: str, right: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise BadStoreUrl("the number of its database cannot be read", right)
    if kind is Kind.CLUSTER and int(text):
        raise BadStoreUrl("names a database, and a Cluster has none but 0", right)
    return int(text)


def _options(kind: Kind, query: str, *, encrypted: bool) -> dict[str, str]:
    known = (
        "db",
        *(_TLS_OPTIONS if encrypted else ()),
        *(_SENTINEL_OPTIONS if kind is Kind.SENTINEL else ()),
    )
    try:
        found = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise BadStoreUrl("what follows its ? cannot be read", "write name=value&name=value") from None
    if any(name not in known for name, _ in found):
        plain = "" if encrypted else f"; with TLS, which rediss+{kind}:// is, also {', '.join(_TLS_OPTIONS)}"
        raise BadStoreUrl(
            "has an option that is not known", f"known options are {', '.join(sorted(known))}{plain}"
        )
    if len(dict(found)) < len(found):
        raise BadStoreUrl("has an option twice", "write each once")
    return dict(found)
