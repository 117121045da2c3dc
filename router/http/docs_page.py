"""`GET /docs`: the API as a page of our own, with nothing fetched from elsewhere."""

import html
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["docs"], include_in_schema=False)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
_STYLE = (files("router.http") / "pages" / "docs.css").read_text("utf-8")


@router.get("/docs", response_class=HTMLResponse)
async def page(request: Request) -> HTMLResponse:
    """Every endpoint, from `/openapi.json`."""
    text = "".join(_page(request.app.openapi()))
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})


def _page(schema: dict[str, Any]) -> Iterator[str]:
    yield "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    yield f"<title>Pennyroute API</title><style>{_STYLE}</style><main><h1>Pennyroute API</h1>"
    yield f"<p>{_text(schema['info'].get('summary', ''))} Version {_text(schema['info']['version'])}. "
    yield "The same for machines: <a href=/openapi.json>/openapi.json</a>. The report: <a href=/>/</a>.</p>"
    tags: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["more"])[0]
            tags.setdefault(tag, []).append("".join(_operation(schema, path, method, operation)))
    for tag, operations in tags.items():
        yield f"<h2>{_text(tag)}</h2>{''.join(operations)}"
    yield "</main></html>"


def _operation(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b class={_text(method)}>{_text(method.upper())}</b><code>{_text(path)}</code>"
    yield f"<span>{_text(operation.get('summary', ''))}</span></summary>"
    if operation.get("description"):
        yield f"<p>{_text(operation['description'])}</p>"
    rows = [
        (each["name"], each["in"], "needed" if each.get("required") else "", each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        rows += list(_fields(_resolved(schema, body)))
    if rows:
        yield "<table><tr><th>name<th>where<th><th>meaning</tr>"
        yield from (
            f"<tr><td><code>{_text(n)}</code><td>{_text(w)}<td>{_text(r)}<td>{_text(m)}"
            for n, w, r, m in rows
        )
        yield "</table>"
    yield "<table><tr><th>status<th>means</tr>"
    for status, answer in operation["responses"].items():
        yield f"<tr><td>{_text(status)}<td>{_text(answer.get('description', ''))}"
    yield "</table></details>"


def _fields(body: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    needed = body.get("required", ())
    for name, field in body.get("properties", {}).items():
        shape = field.get("type") or " or ".join(
            str(each.get("type", "any")) for each in field.get("anyOf", ())
        )
        kind = " or ".join(shape) if isinstance(shape, list) else str(shape)
        meaning = f"{kind.replace(' or null', '')}. {field.get('description', '')}"
        yield name, "body", "needed" if name in needed else "", meaning


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: dict[str, Any] = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]]
    return found


def _text(value: object) -> str:
    return html.escape(str(value))
