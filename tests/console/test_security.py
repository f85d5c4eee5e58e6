"""What must be refused is refused, and what must be harmless is, by a real server over real sockets."""

import re
import socket
import time
from html.parser import HTMLParser

import httpx
import pytest
from tests.console.fixture_console import (
    Browser,
    Server,
    ask,
    csrf_of,
    fields_of,
    plain_item,
    submission,
)

from partwise.oversight.feedback import FeedbackStore
from partwise.types import Choice


@pytest.fixture(scope="module")
def ana(server: Server) -> Browser:
    return Browser(server).enter("ana")


@pytest.fixture(scope="module")
def bo(server: Server) -> Browser:
    return Browser(server).enter("bo")


# --- the way in


@pytest.mark.parametrize("wrong", ["", "wrong", "{}x", "x{}", "\u00e9"])
def test_a_wrong_token_opens_nothing(server: Server, wrong: str):
    token = wrong.format(server.token)
    with httpx.Client(base_url=server.url) as http:
        answer = http.get("/", params={"token": token} if token else None)
        assert answer.status_code in (303, 403)
        assert "set-cookie" not in answer.headers
        assert http.get("/judge").headers["location"] == "/sign-in"
        assert http.get("/sign-in").status_code == 401


@pytest.mark.parametrize(
    "path", ["/judge", "/answers", "/plans", "/runs", "/people", "/live/runs", "/people/ana/answers"]
)
def test_without_a_session_no_page_is_shown(server: Server, path: str):
    page = httpx.get(server.url + path)
    assert (page.status_code, page.headers["location"], page.text) == (303, "/sign-in", "")
    part = httpx.get(server.url + path, headers={"HX-Request": "true"})
    assert part.status_code == 401 and part.headers["hx-redirect"] == "/sign-in" and not part.text


def test_the_token_leaves_the_address_and_the_cookie_is_kept_from_scripts_and_other_sites(server: Server):
    assert len(server.token) >= 32
    answer = httpx.get(server.url, params={"token": server.token})
    assert answer.status_code == 303 and server.token not in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"partwise_{server.port}=")
    assert "HttpOnly" in cookie and re.search(r"samesite=strict", cookie, re.IGNORECASE)
    assert server.token not in cookie


def test_a_forged_cookie_is_nobody(server: Server, ana: Browser):
    (name, value) = next(iter(ana.http.cookies.items()))
    assert httpx.get(f"{server.url}/judge", cookies={name: value}).status_code == 200
    who, until, nonce, mac = value.split(".")
    for forged in (
        f"{who}.{int(until) + 1}.{nonce}.{mac}",
        f"{who}.{until}.{nonce}x.{mac}",
        f"Ym8.{until}.{nonce}.{mac}",
        f"{who}.{until}.{nonce}.{mac[:-2]}",
        f"{who}.{until}.{nonce}.",
        "...",
        "x" * 4000,
        "%s.\u00e9.a.b".encode().hex(),
    ):
        assert httpx.get(f"{server.url}/judge", cookies={name: forged}).status_code == 303


def test_signing_out_ends_the_cookie_wherever_it_is_kept(server: Server):
    browser = Browser(server).enter("leaver")
    kept = dict(browser.http.cookies)
    browser.http.post("/sign-out", data={"csrf": csrf_of(browser.get("/people").text)})
    assert httpx.get(f"{server.url}/judge", cookies=kept).status_code == 303


def test_a_name_that_is_taken_cannot_be_taken_again(server: Server, ana: Browser, store: FeedbackStore):
    http = httpx.Client(base_url=server.url)
    http.get("/", params={"token": server.token})
    csrf = csrf_of(http.get("/sign-in").text)
    refused = http.post("/sign-in", data={"csrf": csrf, "name": " ana "})
    assert refused.status_code == 422 and "is taken" in refused.text
    # Nor one under which somebody answered elsewhere.
    (question,) = ask(store, [plain_item(900)], run="elsewhere")
    store.answer(question.id, "simulated", Choice.FIRST, submission="elsewhere")
    assert "is taken" in http.post("/sign-in", data={"csrf": csrf, "name": "simulated"}).text
    for name in ("", "  ", "<b>", "a" * 65, "../x", "a\nb/"):
        assert http.post("/sign-in", data={"csrf": csrf, "name": name}).status_code == 422


# --- forms that are not ours


def sent(browser: Browser, answers: dict[str, str], **headers: str) -> httpx.Response:
    return browser.http.post("/judge/answer", data=answers, headers=headers)


def test_a_form_without_its_word_or_from_elsewhere_does_nothing(
    server: Server, ana: Browser, bo: Browser, store: FeedbackStore
):
    ask(store, [plain_item(1)], run="forged")
    form = {**ana.form(), "pick": "1"}
    before = len(store.answers("forged"))
    own = f"http://127.0.0.1:{server.port}"
    foreign: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"csrf": ""}, {}),
        ({"csrf": "x" * 43}, {}),
        ({"csrf": csrf_of(bo.get("/people").text)}, {}),
        ({}, {"Origin": "http://evil.example"}),
        ({}, {"Origin": "http://localhost:3000"}),
        ({}, {"Origin": f"{own}.evil.example"}),
        ({}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
    ]
    for changes, headers in foreign:
        assert sent(ana, form | changes, **headers).status_code == 403, (changes, headers)
    without = {key: value for key, value in form.items() if key != "csrf"}
    assert sent(ana, without).status_code == 403
    assert len(store.answers("forged")) == before
    # The same form, from our own page.
    assert sent(ana, form, Origin=own, **{"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert len(store.answers("forged")) == before + 1


@pytest.mark.parametrize(
    "path",
    [
        *("/judge/undo", "/plans/1", "/sign-out", "/sign-in", "/judge/answer"),
        *("/people", "/people/bo/role"),
    ],
)
def test_every_form_wants_its_word(ana: Browser, path: str):
    data = {
        "verdict": "approve",
        "role": "owner",
        "name": "x",
        "question": "1",
        "pick": "1",
        "submission": submission(),
    }
    assert ana.http.post(path, data=data).status_code == 403


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("localhost:1", True),
        ("[::1]:8321", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.0.2.7", False),
        ("", False),
        ("localhost@evil.example", False),
        ("[", False),
    ],
)
def test_a_name_that_was_pointed_here_is_not_answered(server: Server, host: str, known: bool):
    """DNS rebinding: another site's name that resolves to this machine."""
    answer = httpx.get(f"{server.url}/sign-in", headers={"Host": host})
    assert (answer.status_code != 421) == known
    assert known or "Who are you" not in answer.text


def test_a_link_on_another_site_asks_once_more_from_here(server: Server):
    page = httpx.get(f"{server.url}/runs", headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200 and 'content="0;url=/runs"' in page.text
    page = httpx.get(f"{server.url}//evil.example/", headers={"Sec-Fetch-Site": "cross-site"})
    assert "url=//" not in page.text


# --- other people's things


def test_another_annotators_question_is_refused(ana: Browser, bo: Browser, store: FeedbackStore):
    (question,) = ask(store, [plain_item(2)], run="assigned", assigned_to="bo")
    form = {
        "csrf": csrf_of(ana.get("/people").text),
        "question": str(question.id),
        "submission": submission(),
    }
    refused = ana.send("/judge/answer", {**form, "pick": "1"})
    assert refused.status_code == 403 and "another annotator" in refused.text
    assert refused.headers["hx-retarget"] == "#notice"
    assert store.answers("assigned") == []
    taken = bo.send("/judge/answer", {**form, "csrf": csrf_of(bo.get("/people").text), "pick": "1"})
    assert taken.status_code == 200 and len(store.answers("assigned")) == 1


def test_no_page_but_that_of_everyones_answers_shows_anothers(
    ana: Browser, bo: Browser, store: FeedbackStore
):
    (question,) = ask(store, [plain_item(3)], run="private", assigned_to="bo")
    form = {"csrf": csrf_of(bo.get("/people").text), "question": str(question.id), "submission": submission()}
    assert bo.send("/judge/answer", {**form, "pick": "2", "reason": "my secret reason"}).status_code == 200
    assert "my secret reason" in bo.get("/people/bo/answers").text
    for path in ("/people/bo/answers", "/people/bo/answers?page=1", "/people/%62o/answers"):
        refused = ana.get(path)
        assert refused.status_code == 403 and "my secret reason" not in refused.text
    for path in (
        "/people",
        "/answers/agreement",
        "/people?run=private",
        "/people/ana/answers",
        "/judge",
        "/runs",
    ):
        page = ana.get(path)
        assert page.status_code == 200 and "my secret reason" not in page.text


def test_a_stale_question_is_answered_with_the_next(ana: Browser, store: FeedbackStore):
    (stale,) = ask(store, [plain_item(4)], run="stale", assigned_to="ana")
    ask(store, [plain_item(5)], run="stale", round=1, assigned_to="ana")
    csrf = csrf_of(ana.get("/people").text)
    form = {"csrf": csrf, "question": str(stale.id), "submission": submission(), "pick": "1"}
    store.close_round("stale", 0)
    answer = ana.send("/judge/answer", form)
    assert answer.status_code == 409
    assert "was closed while you were reading" in answer.text and "not counted" in answer.text
    assert fields_of(answer.text)["question"] != str(stale.id)
    assert store.answers("stale") == []
    whole_page = ana.http.post("/judge/answer", data=form)
    assert whole_page.status_code == 409 and "<!doctype html>" in whole_page.text


def test_a_question_that_is_not_there_is_one_sentence(ana: Browser):
    form = {"csrf": csrf_of(ana.get("/people").text), "submission": submission(), "pick": "1"}
    for question, status in ((10**9, 409), ("x", 422), (-1, 409)):
        answer = ana.send("/judge/answer", {**form, "question": str(question)})
        assert answer.status_code == status and "Traceback" not in answer.text
    assert ana.send("/judge/answer", {**form, "question": "1", "submission": "not-a-uuid"}).status_code == 422


# --- what people and models write


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}</textarea>"


def test_script_is_text_wherever_it_is_shown(server: Server, ana: Browser, store: FeedbackStore):
    item = plain_item(
        6, first=EVIL, second=f"def f():\n    return '''{EVIL}'''", observed=f"{EVIL}\n  {EVIL}"
    )
    (question,) = ask(store, [item], run=EVIL, assigned_to="ana")
    plan = {
        "statement": EVIL,
        "summary": EVIL,
        "effects": [EVIL],
        "composition": EVIL,
        "parts": [{"source": EVIL, "judgment": 0.4}],
    }
    store.submit_plan(EVIL, 0, plan)
    pages = [ana.get("/judge").text]
    while fields_of(pages[-1])["question"] != str(question.id):
        ana.answer("1")
        pages.append(ana.get("/judge").text)
    assert ana.answer("1", reason=EVIL).status_code == 200
    pages += [ana.get(path).text for path in ("/people/ana/answers", "/people", "/plans")]
    run = server.runs / "<img src=x onerror=alert(3)>"
    (run / "rounds").mkdir(parents=True)
    (run / "run.json").write_text(
        '{"schema": 1, "kind": "<script>", "config": {"loop": {"reward": "<script>"}}}'
    )
    line = '{"arm": "<script>", "outcome": "<script>", "source": "<script>", "statement": "<script>"}\n'
    (run / "transcripts.jsonl").write_text(line)
    time.sleep(1.1)  # A listing is believed for a second.
    pages += [ana.get(path).text for path in ("/runs", "/runs/%3Cimg%20src%3Dx%20onerror%3Dalert(3)%3E")]
    assert sum("alert(1)" in page for page in pages) >= 4
    for page in pages:
        elements = Elements(page)
        assert {tag for tag, _ in elements.all if tag in ("img", "iframe", "style")} == set()
        assert all(
            attributes.get("src", "").startswith("/static/") for attributes in elements.named("script")
        )
        assert not [a for _, attributes in elements.all for a in attributes if a.startswith("on")]
        assert "49" not in elements.text  # {{7*7}} was not worked out


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.all if tag == name]


def test_nothing_is_inline_and_the_headers_forbid_it(ana: Browser):
    for path in (
        *("/judge", "/guidelines", "/answers", "/plans", "/runs", "/people", "/people/ana/answers"),
        *("/nowhere", "/join/nowhere"),
    ):
        page = ana.get(path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        elements = Elements(page.text)
        assert not elements.named("style")
        assert not [a for _, found in elements.all for a in found if a == "style" or a.startswith("on")]
        loaded = [
            value for _, found in elements.all for name in ("src", "href") if (value := found.get(name))
        ]
        assert loaded and all(value.startswith(("/", "#")) and "//" not in value for value in loaded)


def test_only_known_files_are_served(ana: Browser):
    for path in ("/static/../auth.py", "/static/%2e%2e/auth.py", "/static/README.md", "/static/"):
        assert ana.get(path).status_code == 404
    for name in ("..", "../..", "%2e%2e/%2e%2e/etc", "mine/../..", "a" * 5000):
        assert ana.get(f"/runs/{name}").status_code in (303, 307, 404)


# --- size


def exchange(server: Server, head: str, body: bytes, limit: float = 20) -> tuple[bytes, int]:
    """The answer, and how many bytes of the body the server took before it closed."""
    taken = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=limit) as link:
        link.sendall(head.encode())
        answer = b""
        try:
            for start in range(0, len(body), 65536):
                link.sendall(body[start : start + 65536])
                taken += 65536
        except OSError:
            pass
        try:
            while more := link.recv(65536):
                answer += more
        except OSError:
            pass
    return answer, taken


def test_ten_megabytes_are_refused_unread(server: Server, ana: Browser):
    cookie = "; ".join(f"{name}={value}" for name, value in ana.http.cookies.items())
    start = f"POST /judge/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n"
    start += "Content-Type: application/x-www-form-urlencoded\r\n"
    size = 10 * 1024 * 1024
    # The length alone is enough: not a byte of the body has been sent.
    answer, _ = exchange(server, f"{start}Content-Length: {size}\r\n\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 413") and b"at most 64 KB" in answer
    # Without a length, it ends as soon as there is too much.
    chunk = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
    answer, taken = exchange(server, f"{start}Transfer-Encoding: chunked\r\n\r\n", chunk * (size // 0x2000))
    assert answer.startswith(b"HTTP/1.1 413") or not answer
    assert taken < size / 2
    assert ana.get("/judge").status_code == 200


def test_a_reason_has_an_end(ana: Browser, store: FeedbackStore):
    ask(store, [plain_item(7)], run="long", assigned_to="ana")
    refused = ana.answer("1", reason="x" * 2001)
    assert refused.status_code == 422 and "at most 2,000 characters" in refused.text
    assert refused.headers["hx-retarget"] == "#notice"
    assert ana.answer("1", reason="x" * 2000).status_code == 200
