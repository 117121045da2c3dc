"""Where the service listens, and where it is then called."""

import http.client
import socket
import threading

import pytest

from router.address import listening, url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("localhost", "http://localhost:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - not listened on
        ("::", "http://[::1]:80"),
        ("[::]", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("[::1]", "http://[::1]:80"),
        ("10.0.0.7", "http://10.0.0.7:80"),
    ],
)
def test_what_listens_somewhere_is_called_there_and_what_listens_everywhere_on_loopback(
    host: str, url: str
) -> None:
    assert url_of(host, 80) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_is_listened_on_can_be_called(host: str) -> None:
    with listening(host, 0) as listener:
        listener.listen()
        answering = threading.Thread(target=answer, args=(listener,))
        answering.start()
        caller = http.client.HTTPConnection(url_of(host, listener.getsockname()[1]).removeprefix("http://"))
        caller.request("GET", "/")
        assert caller.getresponse().status == 204
        caller.close()
        answering.join(10)


def answer(listener: socket.socket) -> None:
    caller, _ = listener.accept()
    with caller:
        caller.recv(65_536)
        caller.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_an_address_that_is_taken_is_said_to_be() -> None:
    with listening("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            listening("127.0.0.1", taken.getsockname()[1])
