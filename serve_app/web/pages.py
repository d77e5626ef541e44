"""The frame of a page that has no template."""

from __future__ import annotations

from html import escape

from serve_app.web.assets import ASSETS

TITLE = "Frontrow"


def page(title: str, main: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} - {TITLE}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{escape(ASSETS["page.css"].href)}">
</head>
<body>
<header><a href="/">{TITLE}</a></header>
<main>
{main}
</main>
<footer><a href="/openapi.json">The API as OpenAPI</a></footer>
</body>
</html>
"""
