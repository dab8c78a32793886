"""Who has no session, or does not come from a page of the console, gets nothing and changes nothing."""

import socket

import pytest
import sqlalchemy as sa

from rectune_dsl.memory.tables import METADATA
from rectune_dsl.ui.door import IDLE_SECONDS
from rectune_dsl.ui.guard import HEADERS, LARGEST_BODY

STEP = "round-1/approve"


def paths(run):
    return [
        "/",
        "/live",
        run,
        f"{run}/live",
        "/skills",
        "/skills/none",
        "/skills/none/difference",
        "/nowhere",
    ]


def acts(run):
    skill = "/skills/none"
    own = [f"{run}/{act}" for act in ("answer", "abort", "slates")]
    return [*own, f"{skill}/rollback", f"{skill}/activate", "/leave"]


def everything(journal):
    """All rows of all tables."""
    with journal.store.reading() as db:
        return {table.name: db.execute(sa.select(table)).all() for table in METADATA.sorted_tables}


@pytest.fixture
def unchanged(asking):
    """Fails where the store is not as it was."""
    before = everything(asking.journal)
    yield
    assert everything(asking.journal) == before


@pytest.fixture
def fields(browser):
    return {"csrf": browser.csrf(), "step": STEP, "answer": "approve", "why": "w"}


def cookie(browser):
    return "Cookie: " + "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def raw(port, *lines, body=b""):
    """The status of what a browser would not send."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        got = b""
        while chunk := wire.recv(65536):
            got += chunk
    return int(got.split(b" ", 2)[1])


# --- links and sessions ------------------------------------------------------------------------------


def test_without_a_session_there_is_nothing(served, asking, unchanged):
    stranger = served.stranger()
    for path in paths(asking.path):
        for method in ("GET", "HEAD"):
            answer = stranger.ask(method, path)
            assert answer.status == 401
            assert asking.name not in answer.text
    for path in acts(asking.path):
        assert stranger.post(path, {"csrf": "", "why": "w"}).status == 401


def test_a_wrong_or_used_link_is_refused(served):
    stranger, token = served.stranger(), served.door.new_token()
    for wrong in ("", "wrong", token[1:], "%00", "%ff"):
        answer = stranger.get(f"/enter?token={wrong}")
        assert answer.status == 403
        assert not stranger.cookies
        assert "Press Enter in the terminal" in answer.page.text
    assert stranger.ask("HEAD", f"/enter?token={token}").status == 200  # which does not use it up
    assert stranger.get(f"/enter?token={token}").status == 303
    late = served.stranger()
    assert late.get(f"/enter?token={token}").status == 403
    assert late.get("/").status == 401


def test_the_cookie_is_for_this_site_and_not_for_scripts(served):
    answer = served.stranger().get(f"/enter?token={served.door.new_token()}")
    assert answer.headers["location"] == "/"
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == f"rectune-{served.port}"
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/"}


def test_a_session_that_was_not_used_for_half_a_day_has_ended(served, browser, fields, asking, unchanged):
    served.clock.now += IDLE_SECONDS
    assert browser.get("/").status == 401
    assert browser.post(f"{asking.path}/answer", fields).status == 401


def test_a_session_can_be_ended(browser, fields):
    cookies = dict(browser.cookies)
    assert browser.post("/leave", fields).status == 200
    browser.cookies = cookies
    assert browser.get("/").status == 401


# --- where requests come from ------------------------------------------------------------------------

ELSEWHERE = {
    "another site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec_Fetch_Site": "same-site"},
    "another port of a browser that says little": {"Origin": "http://127.0.0.1:1", "Sec_Fetch_Site": None},
    "a frame without an origin": {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
    "nobody knows where": {"Origin": "null", "Sec_Fetch_Site": None},
    "no browser": {"Origin": None, "Sec_Fetch_Site": None},
    "the address bar": {"Origin": None, "Sec_Fetch_Site": "none"},
    "two who disagree": {"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"},
}


def test_what_comes_from_elsewhere_is_refused_with_the_token_too(browser, asking, fields, unchanged):
    for where, headers in ELSEWHERE.items():
        for path in acts(asking.path):
            answer = browser.post(path, fields, **headers)
            assert answer.status == 403, where
            assert "did not come from a page of this console" in answer.page.text
    assert browser.get("/").status == 200


def test_a_form_needs_the_token_of_its_session(browser, asking, fields, unchanged):
    for csrf in (None, "", "wrong", "ä", "\0"):
        told = {name: value for name, value in {**fields, "csrf": csrf}.items() if value is not None}
        for path in acts(asking.path):
            assert browser.post(path, told).status == 403


def test_the_token_of_another_session_does_not_do(served, browser, asking, fields, unchanged):
    assert served.browser().post(f"{asking.path}/answer", fields).status == 403


def test_an_old_browser_that_says_its_origin_is_let_through(browser, asking, fields, served):
    origin = f"http://127.0.0.1:{served.port}"
    answer = browser.post(f"{asking.path}/answer", fields, Origin=origin, Sec_Fetch_Site=None)
    assert answer.status == 303


OTHERS = ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}"]


def test_another_name_for_this_server_is_refused(served, browser, unchanged):
    own = f"Host: 127.0.0.1:{served.port}"
    for other in (*OTHERS, ""):
        host = f"Host: {other.format(port=served.port)}"
        for path in ("/", "/enter?token=x", "/assets/x/y"):
            assert raw(served.port, f"GET {path} HTTP/1.1", host, cookie(browser)) == 421
        for both in ((own, host), (host, own)):
            assert raw(served.port, "GET / HTTP/1.1", *both, cookie(browser)) in (400, 421)


def test_localhost_is_this_server_too(served, browser):
    assert browser.get("/", Host=f"localhost:{served.port}").status == 200


# --- what requests are like --------------------------------------------------------------------------


def test_reading_never_changes_anything(browser, asking, unchanged):
    for path in paths(asking.path):
        if not path.endswith("/live"):
            browser.get(f"{path}?answer=approve&step={STEP}&why=w&confirmed=yes&outcome=1")
        browser.ask("HEAD", path)
    for path in acts(asking.path):
        for method in ("GET", "HEAD"):
            assert browser.ask(method, path).status == 405


def test_other_methods_are_refused(browser, asking, unchanged):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POSTX"):
        for path in ("/", *acts(asking.path)):
            assert browser.ask(method, path).status == 403


def test_only_forms_are_read(browser, asking, fields, unchanged):
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
        assert browser.post(f"{asking.path}/answer", fields, Content_Type=kind).status == 415


def test_a_form_has_its_limits(served, browser, asking, fields, unchanged):
    path = f"{asking.path}/answer"
    assert browser.post(path, {**fields, "why": "x" * LARGEST_BODY}).status == 413
    assert browser.post(path, {**fields, **{f"f{i}": "" for i in range(60)}}).status == 400
    told = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{served.port}",
        cookie(browser),
        "Sec-Fetch-Site: same-origin",
        "Content-Type: application/x-www-form-urlencoded",
        "Transfer-Encoding: chunked",
    )
    endless = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    assert raw(served.port, *told, body=3 * endless) == 413


def test_a_long_reason_is_cut(browser, asking):
    browser.send(f"{asking.path}/answer", step=STEP, answer="approve", why="x" * 5000)
    asking.go()
    assert len(asking.approval(STEP).why) == 2000


NOWHERE = (
    "/runs/../../../etc/passwd",
    "/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/runs/..%5c..%5cjournal.sqlite",
    "/runs/%00",
    "/runs/last",
    "/skills/..%2f..%2fpyproject.toml",
    "/skills/..",
    "/assets/../serve.py",
    "/assets/x/..%2f..%2fserve.py",
    "/assets/x/console.js",
    "//evil.example/",
    "/runs/",
)


def test_paths_lead_nowhere_else(served, browser, unchanged):
    for path in NOWHERE:
        own = f"Host: 127.0.0.1:{served.port}"
        assert raw(served.port, f"GET {path} HTTP/1.1", own, cookie(browser)) == 404, path


# --- what every answer says --------------------------------------------------------------------------


def test_every_answer_has_the_headers(served, browser, asking, fields, monkeypatch):
    stranger = served.stranger()
    answers = [
        browser.get("/"),
        browser.get(asking.path),
        browser.get("/skills"),
        browser.get("/nowhere"),
        browser.ask("HEAD", "/"),
        browser.ask("HEAD", f"{asking.path}/live"),
        browser.ask("PUT", "/"),
        browser.get("/", Host="evil.example"),
        stranger.get("/"),
        stranger.get("/enter?token=wrong"),
        stranger.get(f"/enter?token={served.door.new_token()}"),
        browser.post(f"{asking.path}/answer", {}),
        browser.post(f"{asking.path}/answer", {**fields, "why": "x" * LARGEST_BODY}),
        browser.post(f"{asking.path}/answer", fields),
    ]
    monkeypatch.setattr(served.desk.lines, "shown", lambda asked: 1 / 0)
    answers.append(browser.get("/"))
    assert {answer.status for answer in answers} == {200, 303, 401, 403, 404, 413, 421, 500}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get_all(name) == [value]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] is None
    assert "Internal error: ZeroDivisionError" in answers[-1].page.text


def test_the_policy_allows_what_comes_from_here_and_nothing_inline():
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
