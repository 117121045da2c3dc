"""Is there a key, and does the address answer? Asks for the list of models at most: no call costs money."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.catalog import Model
    from router.providers.endpoint import Endpoint
    from router.providers.session import Session
    from router.setup import SetUp

_PATIENCE_S: Final = 4.0
_REFUSED: Final = frozenset({401, 403})
_NO_SUCH_PAGE: Final = frozenset({404, 405, 501})


async def providers(made: "SetUp") -> list[Row]:
    """A row for each model that is configured, each address asked once."""
    from router.providers.session import Session

    session = Session()
    try:
        asked: dict[tuple[str, str, str], asyncio.Task[_Answer]] = {}
        rows = []
        for model in made.catalog.models.values():
            place = _place(model.endpoint)
            if place not in asked and _is_asked(model, made):
                asked[place] = asyncio.create_task(_ask(session, model.endpoint))
        for model in made.catalog.models.values():
            waiting = asked.get(_place(model.endpoint))
            rows.append(_unasked(model, made) if waiting is None else _row(model, await waiting))
        return rows
    finally:
        await session.aclose()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an address said: an HTTP status, or only that it accepts connections, or why it does not."""

    status: int | None = None
    models: frozenset[str] | None = None
    connects: bool = False
    failed: str = ""


def _is_asked(model: "Model", made: "SetUp") -> bool:
    return (
        model.endpoint.base_url is not None
        and model.provider not in made.served_by_us
        and not _lacks_key(model.endpoint)
    )


def _lacks_key(endpoint: "Endpoint") -> bool:
    """Whether a key or header of it is only a stand-in, which nobody must be sent."""
    from router.settings.checked import KEY_NOT_SET

    sent = {endpoint.api_key.reveal() if endpoint.api_key else "", *endpoint.extra_headers.values()}
    return KEY_NOT_SET in sent


def _place(endpoint: "Endpoint") -> tuple[str, str, str]:
    key = endpoint.api_key.reveal() if endpoint.api_key else ""
    return endpoint.provider, endpoint.base_url or "", key


async def _ask(session: "Session", endpoint: "Endpoint") -> _Answer:
    from router.providers.endpoint import Timeouts
    from router.providers.failure import AttemptFailed
    from router.providers.presets import Lane

    base_url = endpoint.base_url or ""
    if endpoint.lane is Lane.WIDE:
        return await _connect(base_url)
    headers = dict(endpoint.extra_headers)
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key.reveal()}"
    patience = Timeouts(_PATIENCE_S, _PATIENCE_S, _PATIENCE_S, _PATIENCE_S)
    url = f"{base_url.rstrip('/')}/models"
    try:
        reply = await session.get(url, headers, name=_host(base_url), timeouts=patience)
        try:
            body = await reply.whole() if reply.status == 200 else await reply.error_body()
        finally:
            reply.close()
    except AttemptFailed as error:
        return _Answer(failed=str(error))
    return _Answer(status=reply.status, models=_listed(body))


async def _connect(base_url: str) -> _Answer:
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as error:
        return _Answer(failed=f"{_host(base_url)}: no connection ({type(error).__name__})")
    writer.close()
    return _Answer(connects=True)


def _listed(body: bytes) -> frozenset[str] | None:
    """The ids of an OpenAI model list; `None` if it is none."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, list):
        return None
    return frozenset(str(one["id"]) for one in data if isinstance(one, dict) and "id" in one)


def _row(model: "Model", answer: _Answer) -> Row:
    where = _host(model.endpoint.base_url or "")
    upstream, status = model.endpoint.upstream_model, answer.status
    key = "with a key" if model.endpoint.api_key else "without a key"
    if answer.failed:
        return _of(model, Verdict.FAIL, answer.failed, _reach_advice(model, where))
    if status in _REFUSED:
        return _of(model, Verdict.FAIL, f"{where} answers {status} {key}", _key_advice(model))
    if answer.connects or status in _NO_SUCH_PAGE:
        more = "reached through litellm" if answer.connects else "it lists no models"
        return _of(model, Verdict.OK, f"{where} answers ({key}); {more}")
    if status != 200:
        return _of(
            model, Verdict.WARN, f"{where} answers {status} when asked for its models", "try again later"
        )
    if answer.models and not _is_listed(upstream, answer.models):
        said = f"{where} answers ({key}), but does not list {upstream}"
        return _of(model, Verdict.WARN, said, f"is it one of: {_some(answer.models)}?")
    return _of(model, Verdict.OK, f"{where} answers ({key})")


def _unasked(model: "Model", made: "SetUp") -> Row:
    if _lacks_key(model.endpoint):
        to_do = "set the variable that the configuration's row names, here and where the service runs"
        return _of(model, Verdict.FAIL, "its key or a header is not set, so it was not asked", to_do)
    if model.provider in made.served_by_us:
        return _of(model, Verdict.OK, "bundled: started with the service")
    key = "a key is set" if model.endpoint.api_key else "no key"
    return _of(model, Verdict.OK, f"{key}; reached through litellm, which knows its address (not tried)")


def _reach_advice(model: "Model", where: str) -> str:
    here = where.startswith(("127.", "localhost", "[::1]"))
    first = "start that server" if here else "is there a network, and does it let this machine out?"
    return f"{first}{', or' if here else ' Else'} correct models.{model.name}.base_url"


def _key_advice(model: "Model") -> str:
    from router.providers.presets import PRESETS

    variable = PRESETS[model.provider].key_env
    usual = f" (usually {variable})" if variable else ""
    return f"set another key: models.{model.name}.api_key: os.environ/NAME{usual}"


def _is_listed(upstream: str, listed: Iterable[str]) -> bool:
    return any(
        name == upstream or name.removeprefix("models/") == upstream or name.split(":")[0] == upstream
        for name in listed
    )


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:8]) + (", …" if len(ordered) > 8 else "")


def _of(model: "Model", verdict: Verdict, said: str, to_do: str = "") -> Row:
    return Row("providers", model.name, verdict, said, to_do)


def _host(base_url: str) -> str:
    parts = urlsplit(base_url)
    return parts.netloc.rpartition("@")[2] or base_url
