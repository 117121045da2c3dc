"""Can the service listen where it is to, or does it already?"""

import json
from typing import TYPE_CHECKING, Final

from router.address import listening, url_of
from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.settings import Settings

_PATIENCE_S: Final = 2.0


async def address(settings: "Settings") -> Row:
    """One row about the service's own host and port."""
    host, port = settings.server.host, settings.server.port
    if port == 0:
        return _of(Verdict.OK, "a free port is taken at each start")
    if await _answers(host, port):
        return _of(Verdict.OK, f"Pennyroute answers on {host}:{port}")
    problem = _cannot_listen(host, port)
    if problem is None:
        return _of(Verdict.OK, f"{host}:{port} is free")
    to_do = "stop what listens there, or choose another: server.port, or serve --port"
    return _of(Verdict.FAIL, f"cannot listen on {host}:{port}: {problem}", to_do)


async def _answers(host: str, port: int) -> bool:
    """Whether what listens there says it is Pennyroute."""
    from router.providers.endpoint import Timeouts
    from router.providers.failure import AttemptFailed
    from router.providers.session import Session

    session = Session()
    url = url_of(host, port)
    patience = Timeouts(_PATIENCE_S, _PATIENCE_S, _PATIENCE_S, _PATIENCE_S)
    try:
        reply = await session.get(f"{url}/healthz", {}, name=url, timeouts=patience)
        body = await reply.error_body()
        reply.close()
        return reply.status == 200 and json.loads(body) == {"status": "ok"}
    except (AttemptFailed, ValueError):
        return False
    finally:
        await session.aclose()


def _cannot_listen(host: str, port: int) -> str | None:
    try:
        listening(host, port).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _of(verdict: Verdict, said: str, to_do: str = "") -> Row:
    return Row("address", "", verdict, said, to_do)
