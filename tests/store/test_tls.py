"""TLS and passwords, to one server, to a Cluster, and to Sentinels and what they name."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from router.errors import StoreUnavailable
from router.store.connection import Store
from tests.store.servers import REDIS
from tests.store.several import Peer, Several, free_port, until

PASSWORD = "pa/ss@5e3f"

pytestmark = pytest.mark.skipif(REDIS is None, reason="the embedded Valkey is built without TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pennyroute test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


@pytest.fixture
def servers() -> Iterator[Several]:
    found = Several("redis")
    yield found
    found.stop()


def encrypted(certificate: tuple[Path, Path]) -> dict[str, str]:
    cert, key = certificate
    return {
        "tls_port": str(free_port()),
        "tls_cert_file": str(cert),
        "tls_key_file": str(key),
        "tls_ca_cert_file": str(cert),
        "tls_auth_clients": "no",
    }


async def writes(url: str) -> None:
    store = Store.at_url(url)
    assert await store.command("SET", "pr:{main}:k", "v")
    assert await store.commands(("GET", "pr:{main}:k"), ("GET", "pr:{settings}:k")) == [b"v", None]
    assert PASSWORD not in repr(store)
    await store.aclose()


async def refused(url: str, without: str) -> None:
    """The same URL without a part of it is refused, and the password is not said."""
    assert without in url
    store = Store.at_url(url.replace(without, ""), timeout_s=1.0)
    with pytest.raises(StoreUnavailable) as caught:
        await store.command("GET", "k")
    assert "5e3f" not in str(caught.value)
    await store.aclose()


async def test_one_server(servers: Several, certificate: tuple[Path, Path]):
    options = encrypted(certificate)
    secure(servers.peer(**options))
    url = f"rediss://:{quote(PASSWORD, safe='')}@127.0.0.1:{options['tls_port']}/2?ssl_ca_certs={certificate[0]}"
    await writes(url)
    await refused(url, f"?ssl_ca_certs={certificate[0]}")
    await refused(url, f":{quote(PASSWORD, safe='')}@")


async def test_a_cluster_names_its_servers_by_their_encrypted_ports(
    servers: Several, certificate: tuple[Path, Path]
):
    options = encrypted(certificate)
    node = servers.peer(cluster_enabled="yes", tls_cluster="yes", **options)
    node.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
    until(lambda: "cluster_state:ok" in node.ask("CLUSTER", "INFO"))
    secure(node)
    ends = f"127.0.0.1:{options['tls_port']}?ssl_ca_certs={certificate[0]}"
    url = f"rediss+cluster://default:{quote(PASSWORD, safe='')}@{ends}"
    await writes(url)
    await refused(url, f"?ssl_ca_certs={certificate[0]}")
    await refused(url, f"default:{quote(PASSWORD, safe='')}@")


async def test_sentinels_with_a_password_of_their_own(servers: Several, certificate: tuple[Path, Path]):
    options = encrypted(certificate)
    server = servers.peer(**options)
    secure(server)
    its_own = encrypted(certificate)
    lines = [f"{name.replace('_', '-')} {value}" for name, value in its_own.items()]
    watch = "\n".join(
        [
            *lines,
            "tls-replication yes",
            "requirepass of-its-own",
            f"sentinel monitor money 127.0.0.1 {options['tls_port']} 1",
            f"sentinel auth-pass money {PASSWORD}",
        ]
    )
    servers.peer(sentinel=watch + "\n", password="of-its-own")
    query = f"sentinel_password=of-its-own&ssl_ca_certs={certificate[0]}"
    url = f"rediss+sentinel://:{quote(PASSWORD, safe='')}@127.0.0.1:{its_own['tls_port']}/money/1?{query}"
    await writes(url)
    await refused(url, "sentinel_password=of-its-own&")
    await refused(url, f":{quote(PASSWORD, safe='')}@")


def secure(peer: Peer) -> None:
    peer.ask("CONFIG", "SET", "requirepass", PASSWORD)
