"""What holds for every request before any page sees it: which host, how large, and under which headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body."""
_TOO_LARGE = f"That is too large: at most {LARGEST_BODY // 1024} KB are read."
_CLOSE = {"Connection": "close"}
"""What is still under way of a body is not read either."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOOPBACK_NAMES = ("localhost",)


class Guard:
    """Middleware that refuses other hosts' names, foreign origins and large bodies, and sets the headers."""

    def __init__(self, app: ASGIApp, *, network: bool, names: Sequence[str] = ()) -> None:
        """Args:
        app: what it guards.
        network: whether it may be reached by any address, not only by this machine's loopback.
        names: further names that it is reached by.
        """
        self._app, self._network = app, network
        self._names = {name.lower().rstrip(".") for name in (*_LOOPBACK_NAMES, *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)  # a page may be held to more than others are
                if "cache-control" not in answer:
                    answer["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self._limited(scope, receive, send_with_headers)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and stop reading where the body turns out too large though its length was not given."""
        read = 0

        async def counted_receive() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise HTTPException(413, _TOO_LARGE, _CLOSE)
            return message

        await self._app(scope, counted_receive, send)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if not self._knows(host):
            return PlainTextResponse(
                f"The console is not served under the name {host[:100]!r}; open the address that "
                "`partwise console` printed, or start it with --allow-host.",
                421,
            )
        if method not in ("GET", "HEAD") and not _same_origin(headers, host):
            return PlainTextResponse("That form came from another site; nothing was done.", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return PlainTextResponse(_TOO_LARGE, 413, _CLOSE)
        return None

    def _knows(self, host: str) -> bool:
        """Whether a Host header names this console: a name of any other site may have been pointed here."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._network or address.is_loopback


def _same_origin(headers: Headers, host: str) -> bool:
    """Whether a form comes from our own pages, as far as the browser says.

    Under `no-referrer` browsers give a plain form's origin as `null`; then Sec-Fetch-Site tells. Where there
    is neither, no browser of today is behind it, and the form's own word decides.
    """
    origin = headers.get("origin", "null")
    if origin != "null":
        return urlsplit(origin).netloc.lower() == host.lower()
    return headers.get("sec-fetch-site", "same-origin") == "same-origin"
