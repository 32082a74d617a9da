"""Style sheets, scripts and pictures of pages: local files, named with their content's hash so that browsers may keep
them.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from serving.direct import Body
from serving.errors import Refused

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
CHARTS = "charts.css"
_KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}


@cache
def file(name: str) -> bytes:
    """The content of a static file; KeyError if there is none of that name."""
    if name == CHARTS:
        from leap.reports import charts

        return charts.style().encode()
    if name not in {path.name for path in FOLDER.iterdir() if path.suffix in KINDS}:
        raise KeyError(name)
    return (FOLDER / name).read_bytes()


@cache
def address(name: str) -> str:
    """Where a static file is served; another address once its content is another.

    >>> address("leap.css")[:13], address("leap.css")[-4:]
    ('/static/leap.', '.css')
    """
    path = Path(name)
    return f"/static/{path.stem}.{hashlib.sha256(file(name)).hexdigest()[:10]}{path.suffix}"


def answer(asked: str) -> Body:
    """A static file by its address or its plain name; 404 if there is none of that name."""
    name = re.sub(r"\.[0-9a-f]{10}(\.\w+)$", r"\1", asked)
    try:
        content = file(name)
    except KeyError:
        raise Refused(404, "There is no such file.") from None
    headers = _KEPT if address(name).endswith(f"/{asked}") else {}
    return Body(content, media_type=KINDS[Path(name).suffix], headers=headers)
