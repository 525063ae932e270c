"""The page's parts: one self-contained HTML file, and in it tables, figures and lists; all text is escaped here."""

import base64
from collections.abc import Iterable
from html import escape
from string import Template

import pandas as pd

__all__ = ["beside", "facts", "figure", "items", "page", "paragraph", "section", "table"]

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 68rem; margin: 0 auto;
  padding: 1rem }
h1, h2, h3 { line-height: 1.2 }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #0072b2 }
p, li, figcaption { max-width: 44rem; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: .9em; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .3rem 0; max-width: min(44rem, 100vw - 2.5rem) }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top }
td, thead th + th { text-align: right }
td { white-space: nowrap }
th[scope=row] { position: sticky; left: 0; background: #fff; white-space: nowrap }
table.facts { margin: 1rem 0 }
table.facts th { white-space: normal }
table.facts td { white-space: normal; overflow-wrap: anywhere; text-align: left }
tbody th[scope=rowgroup] { background: #eef4f8 }
figure { margin: 1.5rem 0 }
.pair { display: flex; flex-wrap: wrap; gap: 0 2rem }
.pair figure { flex: 1 1 20rem }
img { max-width: 100%; height: auto }
figcaption { font-size: .9em; color: #333 }
.label { border-left: .4rem solid #e69f00; background: #fdf5e6; padding: .6rem 1rem }
code { overflow-wrap: anywhere }
@media (max-width: 40rem) { .wide img { max-width: none; width: 54rem } }
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt }
  .scroll { overflow: visible }
  table { font-size: 8pt } th, td { padding: .15rem .35rem }
  .wide img { width: auto; max-width: 100% }
  figure:not(.wide) img { max-width: 11cm }
  figure, tr { break-inside: avoid } h2, h3, caption { break-after: avoid }
}
</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")


def page(title: str, parts: Iterable[str]) -> str:
    """Return the whole file; `parts` are HTML."""
    return _PAGE.substitute(title=escape(title), body="\n".join(parts))


def section(title: str, parts: Iterable[str], *, level: int = 2) -> str:
    """Return a heading and what stands under it (HTML)."""
    return "\n".join([f"<section>\n<h{level}>{escape(title)}</h{level}>", *parts, "</section>"])


def beside(parts: Iterable[str]) -> str:
    """Return parts side by side where the screen is wide enough."""
    return '<div class="pair">' + "\n".join(parts) + "</div>"


def paragraph(text: str, *, label: bool = False) -> str:
    """Return a paragraph of plain text, framed when it is a `label`."""
    return f"<p{' class=label' if label else ''}>{escape(text)}</p>"


def items(texts: Iterable[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>\n" + "\n".join(f"<li>{escape(text)}</li>" for text in texts) + "\n</ul>"


def table(frame: pd.DataFrame, caption: str, *, head: str = "method") -> str:
    """Return a table with a caption: one row a line of `frame`, grouped by the first level of a two-level index.

    Parameters
    ----------
    frame : DataFrame
        Of values that are written as they are.
    caption : str
    head : str
        Over the column of row names.
    """
    columns = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in [head, *frame.columns])
    groups = frame.groupby(level=0, sort=False) if frame.index.nlevels > 1 else [(None, frame)]
    bodies = []
    for name, part in groups:
        lines = []
        if name is not None:
            lines.append(f'<tr><th scope="rowgroup" colspan="{part.shape[1] + 1}">{escape(str(name))}</th></tr>')
        for key, *values in (part if name is None else part.droplevel(0)).itertuples():
            cells = "".join(f"<td>{escape(str(value))}</td>" for value in values)
            lines.append(f'<tr><th scope="row">{escape(str(key))}</th>{cells}</tr>')
        bodies.append("<tbody>\n" + "\n".join(lines) + "\n</tbody>")
    return _scroll(
        f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{columns}</tr></thead>\n"
        + "\n".join(bodies)
        + "</table>"
    )


def facts(values: dict[str, str], caption: str) -> str:
    """Return a table of two columns, what and its value."""
    lines = (
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(str(value))}</td></tr>' for key, value in values.items()
    )
    return (
        f'<table class="facts"><caption>{escape(caption)}</caption>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table>"
    )


def figure(png: bytes, alt: str, *, wide: bool = False) -> str:
    """Return a picture inside the page, with its alternative text as caption too; a `wide` one scrolls on a phone."""
    source = base64.b64encode(png).decode()
    picture = f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}">'
    shown = _scroll(picture) if wide else picture
    return f"<figure{' class=wide' if wide else ''}>{shown}<figcaption>{escape(alt)}</figcaption></figure>"


def _scroll(html: str) -> str:
    """Let what is wider than the screen scroll by itself, with the keyboard too."""
    return f'<div class="scroll" tabindex="0">{html}</div>'
