"""A page as its tags and its words."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Parsed(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def linked(self, prefix: str) -> list[str]:
        return [
            str(attrs["href"]) for tag, attrs in self.tags if tag == "a" and str(attrs.get("href")).startswith(prefix)
        ]


def read(client: Any, path: str, status: int = 200) -> Parsed:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Parsed(answer.text)
