"""Pages that take seconds to be made: who comes while one is made, or too late, gets a page that looks again."""

from __future__ import annotations

from dataclasses import replace

from serving.calls import Call
from serving.direct import Body, State
from serving.errors import Refused
from serving.pages.route import LOOK_AGAIN_SECONDS, Page, View


class Waiting(Page):
    """A page whose refusals for want of time ask for themselves again; others are as on all pages."""

    def told(self, refused: Refused, call: Call, state: State) -> Body:
        """A refusal as a page."""
        served = state.live.peek()
        if served is None or refused.code not in ("too_many_requests", "unavailable"):
            return super().told(refused, call, state)
        page = View(served, call, state.live).show("waiting.html", status=refused.status, why=str(refused))
        return looking_again(page)


def looking_again(page: Body) -> Body:
    """A page that asks for itself again after some seconds."""
    return replace(page, headers={**page.headers, "Refresh": str(LOOK_AGAIN_SECONDS)})
