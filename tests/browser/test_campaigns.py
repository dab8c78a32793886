"""A campaign on real users, watched and answered in a browser, by keyboard, while its own process waits."""

import pytest


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def tab_to(page, selector, most=60):
    """Go on with the Tab key until the focus is there, and can be seen to be."""
    for _ in range(most):
        press(page, "Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"{selector} is not reached by the Tab key")


def test_from_the_link_to_the_verdict_by_keyboard(project, tabs, until):
    process, name = project.campaign()
    tab = tabs().opened(project.console("--by", "ada"))
    page = tab.page
    assert "token" not in page.url
    tab_to(page, f"a[href$='{name}']")
    press(page, "Enter")
    for step in ("round-1/approve", "round-2/approve", "confirm"):
        tab.see(f"waits for an answer to {step}")  # by itself, for the page is watched
        launched = project.calls().count("start")
        tab_to(page, "#why-approve")
        page.keyboard.type("looks fine")
        tab_to(page, "form[aria-labelledby='title-approve'] button")
        press(page, "Enter")
        tab.see(f"{step} is approved by ada: looks fine.")
        until(lambda before=launched: project.calls().count("start") == before + 1)
    tab.see("waits for an answer to verdict")
    tab_to(page, "#why-approve")
    page.keyboard.type("the numbers convince")
    tab_to(page, "form[aria-labelledby='title-approve'] button")
    press(page, "Enter")
    tab.see("Ship it?")
    assert "deliver" not in project.calls()
    press(page, "Enter")  # the button has the focus
    tab.see("verdict is approved by ada: the numbers convince.")
    tab.see("It is finished.")
    assert process.wait(20) == 0
    assert project.calls().count("deliver") == 1
    tab.drawn()


def test_a_rejected_round_launches_nothing(project, tabs):
    _, name = project.campaign()
    tab = tabs().opened(project.console())
    tab.go(f"/runs/{name}")
    reject = tab.page.get_by_role("button", name="Reject", exact=True)
    reject.click()
    assert tab.page.evaluate("document.activeElement.id") == "why-reject"  # the browser asks for a reason
    tab.page.keyboard.type("not today")
    reject.click()
    tab.see("round-1/approve is rejected by")
    tab.see("waits for an answer to round-2/approve")
    assert project.calls() == []


def test_an_abort_ends_the_process_that_works_on_the_run(project, tabs):
    process, name = project.campaign(virtual_time=False, real_traffic=False)
    tab = tabs().opened(project.console(virtual_time=False, real_traffic=False))
    tab.go(f"/runs/{name}")
    tab.see("It waits for the data")
    tab.page.get_by_text("Abort this run").click()
    tab.page.get_by_label("Why", exact=True).fill("an incident")
    tab.page.get_by_role("button", name="Abort").click()
    tab.see("Abort this run?")
    assert "stop" not in project.calls()
    tab.page.get_by_role("button", name="Yes, abort the run").click()
    tab.see("Its traffic is stopped")
    tab.see("aborted by")
    assert "stop" in project.calls()
    assert process.wait(20) == 2
    tab.see("stopped: round-1/experiment")


def test_what_somebody_writes_is_not_lost_while_the_page_is_watched(project, tabs):
    _, name = project.campaign()
    link = project.console()
    tab = tabs().opened(link)
    tab.go(f"/runs/{name}")
    tab.page.locator("#why-approve").fill("half a sentence")
    tab.page.wait_for_timeout(2500)  # two looks
    assert tab.page.locator("#why-approve").input_value() == "half a sentence"


def test_without_scripts_pages_work_by_reload(project, tabs):
    _, name = project.campaign()
    tab = tabs(java_script_enabled=False).opened(project.console())
    tab.go(f"/runs/{name}")
    assert tab.page.locator("noscript p").is_visible()
    tab.page.locator("#why-approve").fill("small steps")
    tab.page.get_by_role("button", name="Approve", exact=True).click()
    tab.see("round-1/approve is approved by")
    for _ in range(40):
        if "answer to round-2/approve" in tab.page.content():
            break
        tab.page.wait_for_timeout(250)
        tab.page.reload()
    tab.see("waits for an answer to round-2/approve")


def test_a_used_link_another_site_and_an_ended_session_are_refused(project, tabs, tmp_path):
    _, name = project.campaign()
    link = project.console()
    tab = tabs().opened(link)
    tab.go(f"/runs/{name}")
    stranger = tabs()
    assert stranger.page.goto(link).status == 403
    assert stranger.page.goto(f"{tab.base}/").status == 401
    stranger.said.clear()  # which were about these answers
    csrf = tab.page.locator("input[name=csrf]").first.get_attribute("value")
    form = f"""<form method="post" action="{tab.base}/runs/{name}/answer">
      <input name="csrf" value="{csrf}"><input name="step" value="round-1/approve">
      <input name="answer" value="approve"><button>Win a prize</button></form>"""
    (tmp_path / "evil.html").write_text(form)
    thief = tab.page.context.new_page()  # with the cookies of the session
    thief.goto(f"file://{tmp_path}/evil.html")
    thief.get_by_role("button").click()
    thief.wait_for_load_state()
    assert "You have no session here" in thief.content() or "did not come from a page" in thief.content()
    tab.page.get_by_role("button", name="End session").click()
    tab.see("Your session has ended")
    assert tab.go(f"/runs/{name}").status == 401
    tab.said.clear()
    assert project.calls() == []


@pytest.mark.parametrize("path", ["/", "run"])
def test_a_page_says_that_the_console_has_stopped(project, tabs, path):
    _, name = project.campaign()
    tab = tabs().opened(project.console())
    tab.go(path.replace("run", f"/runs/{name}"))
    tab.page.wait_for_timeout(1200)
    project.processes[-1].terminate()
    tab.see("Not connected to the console")
    tab.said.clear()  # which was about that
