"""The operators' console: an empty page, and a script that fills it.

The key is typed into a form, kept in the tab's sessionStorage and sent as `Authorization` by that one script. So there
is no cookie that another site could make a browser send, no session on any server, and nothing in an address or a log;
the content security policy lets no other script run that could read it, and it is gone with the tab.
"""

from __future__ import annotations

from html import escape

from serve_app.web.assets import ASSETS
from serve_app.web.pages import page

_WIDE = (
    ("hosts", "Hosts", ("host", "blocks", "waiting", "p50 ms", "p99 ms", "memory", "state", "")),
    ("shows", "Shows", ("show", "available", "held", "sold", "withheld", "frozen", "")),
    ("money", "Money", ("currency", "authorised", "captured", "given back", "owed")),
)
_NARROW = (
    ("orders", "Orders", ("state", "orders")),
    ("payments", "Payments", ("what", "now")),
    ("services", "Services", ("service", "running", "lag", "last error")),
    ("ready", "Parts", ("part", "state")),
)


def console_page() -> str:
    """The page as it is for everybody; what it shows needs the key."""
    return page(
        "Console",
        f"""<h1>Console</h1>
<noscript><p>The console needs JavaScript. The commands of frontrow do all that it does.</p></noscript>
<form id="sign-in" hidden>
<label>Admin key <input type="password" name="key" autocomplete="off" required></label>
<button>Sign in</button>
</form>
<p id="state" role="status"></p>
<div id="console" hidden>
<p class="actions"><button id="scale">Scale</button> <button id="sign-out">Sign out</button></p>
{"".join(_table(*one) for one in _WIDE)}
<div class="figures">{"".join(_table(*one) for one in _NARROW)}</div>
</div>
<dialog id="ask"><form method="dialog"><p></p>
<label hidden><span></span> <input name="text" autocomplete="off"></label>
<p><button value="yes">Do it</button> <button value="no" formnovalidate>Leave it</button></p></form></dialog>
<script type="module" src="{escape(ASSETS["console.js"].href)}"></script>""",
    )


def _table(name: str, caption: str, columns: tuple[str, ...]) -> str:
    """Roles are spelled out: on a telephone rows are laid out as cards, which takes a table's own from them."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="wide"><table id="{name}" class="console" role="table"><caption>{caption}</caption>'
        f'<thead><tr>{head}</tr></thead><tbody role="rowgroup"></tbody></table></div>'
    )
