"""Who may see the pages: sign-in, the session's cookie, sign-out.

Where the DPS has no operator key, whoever comes is the operator, and there is no door. Else each
page, and the socket that keeps it fresh, asks for a session of the registry. Its token lives in a
cookie that scripts cannot read and that other sites cannot make a browser send; a page asks anew at
each refresh, so that it ends with the session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_impl.bootstrap import Dps
from reference_impl.entrypoints.web.sign_in import Terms, form
from reference_impl.kernel.access import OPERATOR, Principal, acting_as
from reference_impl.kernel.errors import DpsError, Forbidden, TooMany
from reference_impl.registry.callers import BEARER, SESSION_S

BELOW = "/portal"
SIGN_IN, SIGN_OUT = f"{BELOW}/sign-in", f"{BELOW}/sign-out"
COOKIE = "twinrig_session"
FORM_MAX = 20_000
"""Bytes of a form that is read: names, a password, ticks."""


class Door:
    """Lets callers in: :meth:`who` of a page's request, :meth:`still` at each refresh."""

    def __init__(self, dps: Dps) -> None:
        self._dps, self.open = dps, dps.callers.open

    def token(self, headers: Headers) -> str:
        """The session's token that a request brings; empty: none."""
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        found = cookies.get(COOKIE)
        return "" if found is None else found.value

    def still(self, token: str) -> Principal | None:
        """Whose session it is; None: it has ended."""
        return OPERATOR if self.open else self._dps.callers.of_session(token)

    def routes(self) -> list[Route]:
        """Sign-in and sign-out."""
        return [
            Route(SIGN_IN, self._show, methods=["GET"]),
            Route(SIGN_IN, self._enter, methods=["POST"]),
            Route(SIGN_OUT, self._leave, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return _page(form(next_path=_next(request.query_params)))

    async def _enter(self, request: Request) -> Response:
        given = await _form_of(request)
        if given is None or not _same_site(request):
            return _page(form(problem="That was no form of this page."), 400)
        user, next_path = given.get("user", ""), _next(given)
        accept = {
            name.removeprefix("accept."): version
            for name, version in given.items()
            if name.startswith("accept.")
        }
        try:
            token, _ = await self._dps.callers.login(
                user, given.get("password", ""), accept, at_ms=self._dps.now_ms()
            )
        except TooMany as error:
            said = f"Too many wrong passwords. Try again in {error.retry_after_s} s."
            return _page(form(problem=said, user=user, next_path=next_path), 429)
        except Forbidden as error:
            asked = self._terms([p.where.removeprefix("accept.") for p in error.problems])
            said = "Please read and accept what has changed, and sign in again."
            return _page(form(problem=said, user=user, next_path=next_path, terms=asked), 403)
        except DpsError:
            said = "User or password is wrong."
            return _page(form(problem=said, user=user, next_path=next_path), 401)
        answer = RedirectResponse(next_path, 303)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=int(SESSION_S),
            path=BELOW,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def _leave(self, request: Request) -> Response:
        token = self.token(request.headers)
        self._dps.callers.logout(BEARER + token.encode())
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE, path=BELOW, httponly=True, samesite="strict")
        return answer

    def _terms(self, wanted: Sequence[str]) -> list[Terms]:
        with acting_as(OPERATOR), self._dps.store.read() as conn:
            rows = {row["id"]: row for row in self._dps.governance.rights.agreements(conn)}
        return [
            Terms(id=name, version=row["version"], title=row["title"], text=row["text"])
            for name in wanted
            if (row := rows.get(name)) is not None
        ]


class Guarded:
    """ASGI middleware: nothing below the pages' path without a session."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one socket."""
        path = scope.get("path", "")
        below = path == BELOW or path.startswith(f"{BELOW}/")
        if scope["type"] not in ("http", "websocket") or not below or path == SIGN_IN:
            await self._app(scope, receive, send)
            return
        if self._door.still(self._door.token(Headers(scope=scope))) is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "sign in"})
        else:
            await RedirectResponse(sign_in_url(path), 303)(scope, receive, send)


def sign_in_url(path: str) -> str:
    """Where one signs in, to come back to ``path``."""
    return SIGN_IN if "_nicegui" in path else f"{SIGN_IN}?next={quote(path)}"


def sign_out_form(name: str) -> str:
    """Who is signed in, and the button that ends it, as HTML."""
    return (
        f'<form method="post" action="{SIGN_OUT}" class="sign-out"><span>{escape(name)}</span>'
        '<button type="submit">Sign out</button></form>'
    )


def _page(body: str, status: int = 200) -> HTMLResponse:
    safe = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{safe}; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(body, status, headers=headers)


def _next(given: Mapping[str, str]) -> str:
    """A page of ours to go on with; never another site."""
    wanted = given.get("next", "")
    ours = wanted.startswith(f"{BELOW}/") and not wanted.startswith(SIGN_IN)
    return wanted if ours and wanted.isprintable() and "\\" not in wanted else BELOW


def _same_site(request: Request) -> bool:
    """Whether the form comes from us; a browser that says nothing of it is believed."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.url.netloc


async def _form_of(request: Request) -> Mapping[str, str] | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_MAX:
            return None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return None
