"""What changes in slates is shown on a run's page once somebody asks for it, and no page asks by itself."""

import threading

ASK = "Ask the backend, and show it"
UNSEEN = "Not looked at: nobody has asked the backend"


def section(answer):
    """What the page has between two sections of the report."""
    return answer.text.partition('id="part-report-slates"')[2].partition('id="part-report-timeline"')[0]


def test_they_are_shown_in_their_place_when_somebody_asks(browser, finished, platform):
    platform(panel=True)
    before = browser.get(finished.path)
    assert UNSEEN in section(before)
    assert ASK in section(before)
    assert platform.calls() == []
    answer = browser.post(f"{finished.path}/slates", {"csrf": browser.csrf()})
    assert (answer.status, answer.headers["location"]) == (303, f"{finished.path}#slates")
    after = browser.get(finished.path)
    assert "overlap@10" in section(after)
    assert 'id="figure-slates"' in section(after)
    assert UNSEEN not in after.text
    assert ASK not in after.text
    assert platform.calls() == ["panel"]
    assert after.page.mistakes == []


def test_they_are_asked_for_once(browser, finished, platform):
    platform(panel=True)
    told = (f"{finished.path}/slates", {"csrf": browser.csrf()})
    clicks = [threading.Thread(target=browser.post, args=told) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join(20)
    assert "overlap@10" in section(browser.get(finished.path))
    assert platform.calls() == ["panel"]


def test_only_a_form_of_the_page_can_ask(browser, finished, platform):
    platform(panel=True)
    assert browser.get(f"{finished.path}/slates").status == 405
    assert browser.post(f"{finished.path}/slates", {"csrf": "guessed"}).status == 403
    assert platform.calls() == []


def test_a_backend_without_logged_requests_is_told_of_and_can_be_asked_again(browser, finished, platform):
    said = browser.send(f"{finished.path}/slates")
    assert "No slates can be shown: the backend 'planted' has no panel of logged requests." in said.page.text
    assert ASK in section(said)
    platform(panel=True)
    browser.post(f"{finished.path}/slates", {"csrf": browser.csrf()})
    assert "overlap@10" in section(browser.get(finished.path))


def test_where_there_is_no_config_to_look_at_nobody_is_asked(browser, asking):
    page = browser.get(asking.path)
    assert "no config is recommended" in section(page)
    assert ASK not in page.text
