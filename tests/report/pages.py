"""Pages read as a browser and a screen reader would read them."""

import json
from html.parser import HTMLParser

VOID = {"br", "meta", "link", "img", "input", "hr"}


class Read(HTMLParser):
    """A page's elements, texts and mistakes."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.mistakes, self.texts, self.scripts, self.headings = [], [], [], [], []
        self._open = []
        self.feed(text)
        self.close()
        self.mistakes += [f"<{tag}> is left open" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.mistakes.append(f"<{tag}> has an attribute twice")
        if tag == "p" and "p" in self._open:
            self.mistakes.append("<p> in <p>")
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.mistakes.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif self._open and self._open[-1] != "style":
            self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def charts(self):
        """The data of charts, by the ids of their places."""
        kinds = [attrs.get("type") for attrs in self.all("script")]
        places = [attrs.get("data-chart") for attrs in self.all("script")]
        return {
            place: json.loads(text)
            for place, kind, text in zip(places, kinds, self.scripts, strict=True)
            if kind == "application/json"
        }
