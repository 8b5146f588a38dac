"""The sign-in page, as HTML that needs no script and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4f6f8;
  font: 16px/1.5 system-ui, sans-serif; color: #1b1f24 }
main { box-sizing: border-box; width: min(24rem, 100vw - 2rem); margin: 1rem; padding: 2rem;
  background: #fff; border-radius: .75rem; box-shadow: 0 1px 4px #0003 }
h1 { margin: 0 0 1rem; font-size: 1.35rem }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600 }
label.tick { display: flex; gap: .5rem; align-items: baseline; font-weight: 400 }
input:not([type=checkbox]) { box-sizing: border-box; width: 100%; padding: .6rem .7rem;
  font: inherit; border: 1px solid #8a939c; border-radius: .4rem }
input:focus-visible, button:focus-visible { outline: 3px solid #5eb1ef; outline-offset: 1px }
button { width: 100%; margin-top: 1.25rem; padding: .7rem; font: inherit; font-weight: 600;
  color: #fff; background: #0b68a5; border: 0; border-radius: .4rem; cursor: pointer }
.problem { margin: 0 0 .5rem; padding: .6rem .75rem; border-radius: .4rem; background: #fdecec;
  color: #8c1d21 }
.terms { max-height: 10rem; overflow: auto; margin: .75rem 0 0; padding: .6rem .75rem;
  border: 1px solid #c9d0d6; border-radius: .4rem; font-size: .9rem; white-space: pre-wrap }
@media (prefers-color-scheme: dark) {
  body { background: #14171a; color: #e8eaed } main { background: #1f2428 }
  .problem { background: #4a1f21; color: #ffd9da } .terms { border-color: #4a525a } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An agreement that is to be accepted."""

    id: str
    version: str
    title: str
    text: str


def form(
    *,
    problem: str = "",
    user: str = "",
    next_path: str = "",
    terms: Sequence[Terms] = (),
) -> str:
    """The page; ``problem`` says why it is shown again, ``terms`` what is to be accepted."""
    said = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    asked = "".join(map(_asked, terms))
    first, second = ("", " autofocus") if user else (" autofocus", "")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in · Portal</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body><main><h1>Sign in</h1>{said}
<form method="post" action="/portal/sign-in">
<input type="hidden" name="next" value="{escape(next_path)}">
<label for="user">User</label>
<input id="user" name="user" value="{escape(user)}" autocomplete="username" required{first}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
{second}>
{asked}<button type="submit">Sign in</button>
</form></main></body></html>
"""


def _asked(terms: Terms) -> str:
    return (
        f'<div class="terms"><strong>{escape(terms.title)}</strong>\n{escape(terms.text)}</div>'
        f'<label class="tick"><input type="checkbox" name="accept.{escape(terms.id)}" '
        f'value="{escape(terms.version)}" required> I accept version {escape(terms.version)}'
        "</label>"
    )
