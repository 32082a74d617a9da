"""The Markdown that our own templates write as one HTML page: the two can say nothing different.

Only what the templates use is understood: headings, paragraphs, lists, quotes, tables, fenced code, `code` and
**bold**. Everything else, markup of others above all, is text.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from leap.reports import charts, rendering

_INLINE = re.compile(r"\\([\\`*_\[\]|#~])|`([^`]*)`|\*\*((?:\\.|[^*\\])+)\*\*|(&(?:amp|lt|gt);)")
_CELL = re.compile(r"(?<!\\)\|")
_KINDS = (("### ", "h3"), ("## ", "h2"), ("# ", "h1"), ("- ", "li"), ("|", "table"), (">", "quote"))


def page(
    text: str, pictures: Sequence[tuple[str, Path]] = (), drawings: Sequence[tuple[str, Sequence[Markup]]] = ()
) -> str:
    """A page without script or outside request; front matter is left out, pictures (PNG) are put into the file.

    `drawings` (of `reports.charts`) stand under their headings before them.
    """
    body = text.split("\n---\n", 1)[1] if text.startswith("---\n") else text
    title = next((line[2:] for line in body.splitlines() if line.startswith("# ")), "Leap")
    return rendering.render(
        "card.html",
        title=html.unescape(re.sub(r"</?(?:b|code)>", "", _inline(title))),
        body=Markup("\n".join(_blocks(body.splitlines()))),  # noqa: S704 (every text in it was escaped)
        pictures=[(words, _embedded(path)) for words, path in pictures if path.exists()],
        drawings=drawings,
        style=Markup(charts.style()) if drawings else "",  # noqa: S704 (our own style sheet)
    )


def _embedded(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """Lines of one kind together, code blocks whole."""
    number = 0
    kinds = []
    inside = False
    for line in lines:
        fence = line.startswith("```")
        kinds.append("code" if inside or fence else _kind(line))
        inside ^= fence
    for kind, part in groupby(kinds):
        length = len(list(part))
        block, number = lines[number : number + length], number + length
        yield from _block(kind, block)


def _kind(line: str) -> str:
    if not line.strip():
        return "empty"
    return next((kind for start, kind in _KINDS if line.startswith(start)), "p")


def _block(kind: str, lines: Sequence[str]) -> Iterator[str]:
    match kind:
        case "empty":
            return
        case "h1" | "h2" | "h3":
            for line in lines:
                yield f"<{kind}>{_inline(line.lstrip('#').strip())}</{kind}>"
        case "li":
            items = "".join(f"<li>{_inline(line[2:])}</li>" for line in lines)
            yield f'<ul class="notes">{items}</ul>'
        case "quote":
            yield f'<p class="notice">{_inline(" ".join(line.lstrip("> ") for line in lines))}</p>'
        case "code":
            inner = "\n".join(line for line in lines if not line.startswith("```"))
            yield f"<pre><code>{html.escape(inner)}</code></pre>"
        case "table":
            yield _table(lines)
        case _:
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _table(lines: Sequence[str]) -> str:
    head, aligned, *rows = [_cells(line) for line in lines]
    right = [cell.strip().endswith(":") for cell in aligned]

    def row(cells: Sequence[str], tag: str) -> str:
        written = [
            f"<{tag}{' class=n' if is_right else ''}>{_inline(cell.strip())}</{tag}>"
            for cell, is_right in zip(cells, right, strict=True)
        ]
        return f"<tr>{''.join(written)}</tr>"

    heads = f"<thead>{row(head, 'th')}</thead>" if any(cell.strip() for cell in head) else ""
    body = "".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table>{heads}<tbody>{body}</tbody></table></div>'


def _cells(line: str) -> list[str]:
    return _CELL.split(line.strip())[1:-1]


def _inline(text: str) -> str:
    """Text with code and bold; every other character is itself, and markup of others is escaped.

    >>> _inline(r"**a\\*** <b> `c<d` &lt;i&gt;")
    '<b>a*</b> &lt;b&gt; <code>c&lt;d</code> &lt;i&gt;'
    """
    parts, last = [], 0
    for found in _INLINE.finditer(text):
        parts.append(html.escape(text[last : found.start()]))
        escaped, code, bold, entity = found.groups()
        if code is not None:
            parts.append(f"<code>{html.escape(code)}</code>")
        elif bold is not None:
            parts.append(f"<b>{_inline(bold)}</b>")
        else:
            parts.append(html.escape(escaped if escaped is not None else html.unescape(entity)))
        last = found.end()
    return "".join([*parts, html.escape(text[last:])])
