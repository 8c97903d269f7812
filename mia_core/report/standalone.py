"""A page that needs nothing else: the book's colours, light and dark, at any width; it loads and runs nothing."""

import html
from pathlib import Path

# The policy holds whatever stands in names and texts that come from outside.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{title}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def standalone(title: str, body: str) -> str:
    """The page with this title, which is text, and this body, which is HTML."""
    style = Path(__file__).with_name("standalone.css").read_text(encoding="utf-8")
    return _PAGE.format(title=html.escape(title), style=style, body=body)
