"""The console as an ASGI application: its pages, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from partwise.console import everyone, generations, guidelines, judge, own, people, plans, runs, sign_in
from partwise.console.guard import Guard
from partwise.console.web import STATIC, Console, Refusal, SignInFirst, is_swap, owner, refuse
from partwise.oversight.feedback import FeedbackError, NotYours

_FOR_EVER = "public, max-age=31536000, immutable"


def make_app(console: Console, *, names: Sequence[str] = ()) -> FastAPI:
    """The application.

    Args:
        console: what it serves from.
        names: further names that it is reached by, beside this machine's.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.console = console
    app.add_middleware(Guard, network=console.access.network, names=names)
    for part in (sign_in, judge, guidelines, own):
        app.include_router(part.router)
    for part in (plans, runs, generations, everyone, people):
        app.include_router(part.router, dependencies=[Depends(owner)])

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in STATIC:
            return PlainTextResponse("There is no such file.", 404)
        return Response(console.static[name], media_type=STATIC[name], headers={"Cache-Control": _FOR_EVER})

    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


def _refused(request: Request, error: Any) -> Response:
    return refuse(request, error.status, error.title, str(error))


def _sign_in_first(request: Request, error: Exception) -> Response:
    if is_swap(request):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        return sign_in.come_again(request)
    return Response(status_code=303, headers={"Location": "/sign-in"})


def _not_yours(request: Request, error: Exception) -> Response:
    return refuse(request, 403, "Not yours", str(error))


def _store_failed(request: Request, error: Exception) -> Response:
    if error.__cause__ is None:  # It understood, and the request makes no sense to it.
        return refuse(request, 409, "That did not work", str(error))
    return refuse(request, 503, "The feedback store does not answer", str(error), known=False)


def _bad_form(request: Request, error: Exception) -> Response:
    return refuse(request, 422, "That form was not whole", "That form was not whole; reload the page.")


def _http(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return refuse(request, 404, "There is no such page", "There is no such page here.")
    answer = refuse(request, error.status_code, "That did not work", str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _bug(request: Request, error: Exception) -> Response:
    # Starlette raises it again after this, so that the terminal shows it.
    said = "The console failed at this; the terminal that it runs in says more."
    return refuse(request, 500, "The console failed", said, known=False)


_HANDLERS: dict[Any, Any] = {
    Refusal: _refused,
    SignInFirst: _sign_in_first,
    NotYours: _not_yours,
    FeedbackError: _store_failed,
    RequestValidationError: _bad_form,
    HTTPException: _http,
    Exception: _bug,
}
