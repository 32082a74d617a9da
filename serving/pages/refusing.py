"""What a person sees instead of the page asked for: why, and what to do."""

from __future__ import annotations

from serving.errors import Refused
from serving.pages import rendering

TITLES = {
    401: "A token is needed",
    403: "This is not allowed",
    404: "There is no such page",
    422: "This cannot be shown as asked",
    429: "The service is busy",
    500: "Something failed here",
    503: "The service cannot answer now",
}
REMEDIES = {
    401: "In a browser: load this page again, and give any name and the token as the password when you are asked.",
}
"""What to do, for who reads a page."""
MOST_DETAILS = 20


def refusal_page(refused: Refused, *, inside: bool = False) -> bytes:
    """The page of a refusal; `inside` with the ways to other pages, for who was let in."""
    title = TITLES.get(refused.status, "This could not be answered")
    details = [_told(one) for one in refused.details[:MOST_DETAILS]] if inside else []
    text = rendering.alone(
        "refused.html",
        title=title,
        message=str(refused),
        remedy=REMEDIES.get(refused.status, ""),
        details=details,
        inside=inside,
    )
    return text.encode(errors="replace")


def no_model_page(problem: str) -> bytes:
    """The page while nothing is live: being loaded, or why not."""
    return rendering.alone("no_model.html", problem=problem, inside=False).encode(errors="replace")


def _told(detail: object) -> str:
    if isinstance(detail, dict) and {"where", "problem"} <= detail.keys():
        return f"{str(detail['where']).partition('.')[2] or detail['where']}: {detail['problem']}"
    return str(detail)[:300]
