"""`GET /`: the report as a page. It holds no data: it asks the API, with a key where one is needed."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from router.errors import NotAuthenticated
from router.http.parts import caller_of

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
async def page(request: Request) -> HTMLResponse:
    """The same page for everybody; with status 401 for who has no key, so that the page asks for one."""
    text, policy = _assembled()
    try:
        caller_of(request)
    except NotAuthenticated:
        status = NotAuthenticated.status
    else:
        status = 200
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(text, status, headers)


@cache
def _assembled() -> tuple[str, str]:
    """The page in one piece, and a policy under which only its own style and script run."""
    folder = files("router.http") / "pages"
    style = (folder / "report.css").read_text("utf-8")
    script = (folder / "report.js").read_text("utf-8")
    text = (folder / "report.html").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.replace("/*style*/", style).replace("/*script*/", script), policy


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
