"""Every way into the console by every role: what an owner, an annotator and a stranger are answered."""

from __future__ import annotations

import re
from itertools import chain, product
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.console.fixture_console import Browser, Server, ask, csrf_of, plain_item, submission
from tests.runs.fixture_runs import write_run

from partwise.console.app import make_app
from partwise.console.auth import Access
from partwise.console.runfiles import RunsFolder
from partwise.console.web import Console
from partwise.oversight.feedback import FeedbackStore, PlanState, Role
from partwise.report.html import write_report
from partwise.studies.registry import known_kind
from partwise.types import Choice

SIGN_IN = "sign in"
"""Answered by the way to the sign-in page alone."""
ROUTES: dict[str, tuple[int | str, int | str, int | str]] = {
    # What is asked for: what an owner, an annotator and a stranger are answered.
    "GET /": (303, 303, 303),
    "GET /sign-in": (303, 303, 401),
    "POST /sign-in": (403, 403, SIGN_IN),
    "POST /sign-out": (403, 403, SIGN_IN),
    "GET /join/{secret}": (404, 404, 404),
    "POST /join/{secret}": (404, 404, 404),
    "GET /static/{name}": (200, 200, 200),
    "GET /judge": (200, 200, SIGN_IN),
    "GET /judge/next": (204, 204, SIGN_IN),
    "POST /judge/answer": (409, 409, SIGN_IN),
    "POST /judge/undo": (303, 303, SIGN_IN),
    "GET /guidelines": (200, 200, SIGN_IN),
    "GET /people/{name}/answers": (200, 200, SIGN_IN),
    "GET /people/{name}": (303, 303, SIGN_IN),
    "GET /plans-waiting": (200, 403, SIGN_IN),
    "GET /plans": (200, 403, SIGN_IN),
    "GET /plans/after/{last}": (200, 403, SIGN_IN),
    "POST /plans/{number}": (303, 403, SIGN_IN),
    "GET /runs": (200, 403, SIGN_IN),
    "GET /live/runs": (200, 403, SIGN_IN),
    "GET /runs/{name:path}": (200, 403, SIGN_IN),
    "GET /live/run/{name:path}": (200, 403, SIGN_IN),
    "GET /generations/{number}/{name:path}": (404, 403, SIGN_IN),  # of a run that is no ladder
    "GET /report/{name:path}": (200, 403, SIGN_IN),
    "GET /answers": (200, 403, SIGN_IN),
    "GET /answers/agreement": (200, 403, SIGN_IN),
    "GET /answers/export.jsonl": (200, 403, SIGN_IN),
    "GET /answers/export.csv": (200, 403, SIGN_IN),
    "GET /people": (200, 403, SIGN_IN),
    "POST /people": (200, 403, SIGN_IN),
    "POST /people/{name}/role": (303, 403, SIGN_IN),
}
SECRETS = ("a reason that owners read", "hidden-run", "Dinner for nobody")
"""What stands on owners' pages: a reason, a run, a plan."""
ROLES = ("owner", "annotator", "stranger")


def join(server: Server, owner: Browser, name: str, role: str = "annotator") -> Browser:
    """Let somebody in by a link, as the page of people makes one."""
    made = owner.http.post(
        "/people", data={"csrf": csrf_of(owner.get("/people").text), "name": name, "role": role}
    )
    link = re.search(r'value="http[^"]*(/join/[^"]+)"', made.text)
    assert link, made.text
    browser = Browser(server)
    done = browser.http.post(link[1])
    assert done.status_code == 303, done.text
    return browser


@pytest.fixture(scope="module")
def people(server: Server, store: FeedbackStore) -> dict[str, Browser]:
    """One browser for each role, and something behind every page."""
    write_report(write_run(server.runs / SECRETS[1], "strategies", rounds=1, n=5), known_kind)
    owner = Browser(server).enter("ottilie")
    annotator = join(server, owner, "anselm")
    asked = ask(store, [plain_item(number) for number in range(2)], run="roles", answers_wanted=2)
    for question in asked:
        for who in ("ottilie", "anselm"):
            reason = SECRETS[0] if who == "ottilie" else "a reason of anselm's"
            store.answer(question.id, who, Choice.FIRST, submission=submission(), reason=reason)
    return {"owner": owner, "annotator": annotator}


def _routes(route: Any) -> list[Any]:
    """FastAPI keeps a router that was included as one entry, with its routes in it."""
    router = getattr(route, "original_router", None)
    return [route] if router is None else router.routes


def test_the_table_names_every_route(tmp_path: Path):
    with FeedbackStore(tmp_path / "feedback.db") as store:
        access = Access(store, token="token", network=False)
        runs = RunsFolder(tmp_path)
        app = make_app(Console(store=store, runs=runs, access=access, cookie="c", store_name="s"))
    every = list(chain(*(_routes(route) for route in app.routes)))
    routes = [route for route in every if isinstance(route, APIRoute)]
    assert len(routes) == len(every)
    assert {f"{method} {route.path}" for route in routes for method in route.methods} == set(ROUTES)


@pytest.mark.parametrize(("route", "role"), list(product(ROUTES, ROLES)))
def test_each_route_answers_each_role(
    server: Server, people: dict[str, Browser], store: FeedbackStore, route: str, role: str
):
    browser = people[role] if role in people else Browser(server)
    plan = store.submit_plan("mine", 1, {"statement": SECRETS[2]})
    method, path = route.split(" ")
    own = {"owner": "ottilie", "annotator": "anselm", "stranger": "ottilie"}[role]
    path = path.replace("{name}", own if "people" in path else "console.css").replace("{secret}", "x" * 32)
    path = path.replace("{name:path}", SECRETS[1]).replace("{last}", "0").replace("{number}", str(plan))
    if route == "POST /people/{name}/role":
        path = "/people/anselm/role"
    csrf = csrf_of(browser.get("/judge").text) if role != "stranger" else "x"
    data = {
        **({"csrf": csrf} if path not in ("/sign-in", "/sign-out") else {}),
        **{"question": "999999", "pick": "1", "submission": submission(), "verdict": "approve"},
        **{"name": "somebody", "role": "annotator"},
    }
    found = browser.http.request(method, path, data=data if method == "POST" else None)
    expected = ROUTES[route][ROLES.index(role)]
    if expected == SIGN_IN:
        assert (found.status_code, found.headers["location"], found.text) == (303, "/sign-in", "")
        swapped = browser.http.request(
            method, path, data=data if method == "POST" else None, headers={"HX-Request": "true"}
        )
        assert swapped.status_code == 401 and swapped.text == ""
    else:
        assert found.status_code == expected, found.text
    if expected in (403, SIGN_IN):
        assert not [secret for secret in SECRETS if secret in found.text]
        assert store.plan_state(plan) is PlanState.WAITING
    kept = store.annotator("anselm")
    assert kept and kept.role is Role.ANNOTATOR
    store.withdraw_plan(plan)


def test_owners_pages_say_what_annotators_are_not_told(people: dict[str, Browser], store: FeedbackStore):
    """What the table looks for is really there, or it would find nothing wherever it looks."""
    plan = store.submit_plan("mine", 1, {"statement": SECRETS[2]})
    owner, annotator = people["owner"], people["annotator"]
    pages = [owner.get(path).text for path in ("/answers", "/runs", "/plans")]
    assert all(secret in page for secret, page in zip(SECRETS, pages, strict=True))
    for path in ("/judge", "/guidelines", "/people/anselm/answers"):
        page = annotator.get(path).text
        assert not [secret for secret in SECRETS if secret in page]
        assert not re.search(r'href="/(runs|plans|answers|people)"', page), "nothing leads there either"
    assert "a reason of anselm&#39;s" in annotator.get("/people/anselm/answers").text
    assert annotator.get("/people/ottilie/answers").status_code == 403
    store.withdraw_plan(plan)


def test_the_way_in_by_a_link(server: Server, people: dict[str, Browser], store: FeedbackStore):
    owner = people["owner"]
    word = {"csrf": csrf_of(owner.get("/people").text)}
    made = owner.http.post("/people", data={**word, "name": "  berta  ", "role": "annotator"}).text
    path = re.search(r'value="http[^"]*(/join/[^"]+)"', made)
    assert path and server.url in made
    guest = httpx.Client(base_url=server.url, timeout=20)
    for _ in range(2):  # to look at a link uses nothing up
        assert "Welcome, berta" in guest.get(path[1]).text
    assert store.annotator("berta") is None
    assert guest.post(path[1], data={"password": "short"}).status_code == 422
    assert guest.post(path[1], data={"password": "long enough"}).headers["location"] == "/judge"
    assert guest.get("/judge").status_code == 200 and guest.get("/runs").status_code == 403
    assert httpx.post(server.url + path[1]).status_code == 404, "it works once"
    assert guest.get(path[1]).status_code == 404
    # With a password she comes in from another browser, without the address and its token.
    other = httpx.Client(base_url=server.url, timeout=20)
    csrf = csrf_of(other.get("/sign-in").text)
    assert other.post("/sign-in", data={"csrf": csrf, "name": "berta"}).status_code == 200
    done = other.post("/sign-in", data={"csrf": csrf, "name": "berta", "password": "long enough"})
    assert done.status_code == 303 and other.get("/judge").status_code == 200
    for name, role in (("<b>", "annotator"), ("", "owner"), ("carl", "king"), ("ottilie", "annotator")):
        refused = owner.http.post("/people", data={**word, "name": name, "role": role})
        assert refused.status_code == 422 and "/join/" not in refused.text


def test_signing_out_makes_nobody_an_owner(server: Server, people: dict[str, Browser]):
    """A browser that came by a link never has the right to give itself a name."""
    browser = join(server, people["owner"], "dagmar")
    browser.http.post("/sign-out", data={"csrf": csrf_of(browser.get("/judge").text)})
    page = browser.http.get("/sign-in").text
    assert 'type="password"' in page and "Who are you" not in page
    taken = browser.http.post("/sign-in", data={"csrf": csrf_of(page), "name": "a new name"})
    assert "Give your password." in taken.text
    assert browser.get("/judge").status_code == 303


def test_whoever_has_the_token_owns_the_console(
    server: Server, people: dict[str, Browser], store: FeedbackStore
):
    """Also somebody who was an annotator before, as everybody in an old store is."""
    browser = join(server, people["owner"], "emma")
    assert browser.get("/runs").status_code == 403
    browser.http.get("/", params={"token": "wrong" * 8})
    assert browser.get("/runs").status_code == 403
    browser.http.get("/", params={"token": server.token})
    assert browser.get("/runs").status_code == 200
    # And what an owner gives, an owner takes: from the next request on.
    owner = people["owner"]
    word = {"csrf": csrf_of(owner.get("/people").text), "role": "annotator"}
    assert owner.http.post("/people/emma/role", data=word).status_code == 303
    assert browser.get("/runs").status_code == 403
    assert owner.http.post("/people/ottilie/role", data=word).status_code == 422, "not their own"
    assert owner.http.post("/people/nobody/role", data=word).status_code == 409
