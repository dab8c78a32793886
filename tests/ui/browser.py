"""What a browser does, as far as a server can tell."""

import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from pages import Read


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def page(self):
        return Read(self.text)


class Browser:
    """Keeps cookies, and says where its requests come from as Chromium does."""

    def __init__(self, port):
        self.port, self.cookies = port, {}

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        own = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        connection.request(method, path, body, {**own, **dict(headers)})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        for cookie in answer.headers.get_all("set-cookie") or ():
            name, value = cookie.partition(";")[0].split("=", 1)
            self.cookies[name] = value
        return Answer(answer.status, answer.headers, text)

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def post(self, path, fields, **headers):
        """A form that a page of this origin sends."""
        told = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "null",
            "Sec-Fetch-Site": "same-origin",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        told = {name: value for name, value in told.items() if value is not None}
        return self.ask("POST", path, urlencode(fields), told)

    def csrf(self):
        return re.search(r'name="csrf" value="([^"]+)"', self.get("/").text)[1]

    def send(self, path, **fields):
        """The form with the session's token, and the page it leads to."""
        answer = self.post(path, {"csrf": self.csrf(), **fields})
        return self.get(answer.headers["location"]) if answer.status == 303 else answer
