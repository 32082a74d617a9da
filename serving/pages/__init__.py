"""Pages for RevOps, served beside the API: whom to keep, whom to win, why, and how far that can be trusted.

Rendered on the server from the same values as the reports, with local style sheets and small local scripts: nothing is
asked of any other machine, names from data are escaped by the templates, and every page works without a script.

A page is a module with a `router` (`APIRouter(route_class=Page)`), a template of the same name, and where it needs them
a style sheet and a script of the same name in `static/`.
"""

from serving.pages import account, accounts, assistance, drivers, icp, overview, rendering, review

PAGES = (overview, accounts, account, icp, drivers, review, assistance)
ROUTERS = (*(page.router for page in PAGES), *(page.files for page in PAGES if hasattr(page, "files")))
rendering.known |= {route.path for router in ROUTERS for route in router.routes}  # type: ignore[attr-defined]

__all__ = ["ROUTERS"]
