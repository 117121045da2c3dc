"""The service's own address: listening on it, and calling what listens on it."""

import socket
from typing import Final

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to an address; it takes no connection yet.

    Args:
        host: a name or an address, IPv6 with or without brackets.
        port: 0 takes a free one.

    Raises:
        OSError: it is not there, is taken, or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(host: str, port: int) -> str:
    """Where what listens there is called from this machine; what listens everywhere is called on loopback."""
    bare = host.strip("[]")
    bare = _EVERYWHERE.get(bare, bare)
    return f"http://{f'[{bare}]' if ':' in bare else bare}:{port}"
