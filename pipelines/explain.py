"""What the cleaner did to a body, pass by pass, and a page that shows before and after side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from pipelines.clean import PASSES, CleanBody, Note, clean
from pipelines.clean.draft import Draft, draft
from pipelines.clean.rules import CleanRules

_STYLE = (
    "body{margin:0;font:15px/1.6 system-ui,sans-serif;color:#222}header{padding:.6em 1em;background:#f5f5f5}"
    "main{display:grid;grid-template-columns:1fr 1fr;height:75vh}iframe{width:100%;height:100%;border:0;"
    "border-right:1px solid #ccc}table{border-collapse:collapse;margin:1em}td,th{border:1px solid #ddd;"
    "padding:.2em .6em;text-align:left;vertical-align:top}"
)
_INNER_STYLE = "body{font:16px/1.7 system-ui,sans-serif;margin:1em}img{max-width:100%;height:auto}"
_INNER_POLICY = "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One pass: its name, what it is for, the elements before and after it, and what it noted of itself alone."""

    name: str
    purpose: str
    elements_before: int
    elements_after: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A cleaned body and the steps that led to it."""

    body: CleanBody
    steps: tuple[Step, ...]


def explain(html: str, base_url: str, rules: CleanRules | None = None) -> Explanation:
    """Clean a body and tell what each pass did to it.

    >>> told = explain('<p>你好<img src="a.gif" width="1" height="1"></p>', "https://example.com/")
    >>> [note.count for step in told.steps for note in step.notes]
    [1]
    """
    body = draft(html, base_url, rules)
    steps = tuple(_step(pass_, body) for pass_ in PASSES)
    return Explanation(body=clean(html, base_url, rules), steps=steps)


def _step(pass_: Callable[[Draft], None], body: Draft) -> Step:
    elements_before = _elements(body)
    before = {note.rule: note.count for note in body.ledger.notes()}
    pass_(body)
    notes = tuple(
        Note(rule=note.rule, count=note.count - before.get(note.rule, 0), sample=note.sample)
        for note in body.ledger.notes()
        if note.count > before.get(note.rule, 0)
    )
    purpose = (pass_.__doc__ or "").strip().split("\n", 1)[0]
    return Step(
        name=pass_.__name__,
        purpose=purpose,
        elements_before=elements_before,
        elements_after=_elements(body),
        notes=notes,
    )


def _elements(body: Draft) -> int:
    return sum(1 for _ in body.root.iter())


def step_lines(steps: tuple[Step, ...]) -> list[str]:
    """The steps for a terminal: a line a pass, and a line for each thing it noted."""
    lines = []
    for step in steps:
        lines.append(f"{step.name} ({_change(step)}): {step.purpose}")
        lines.extend(f"    {note.count} × {note.rule}: {note.sample}" for note in step.notes)
    return lines


def comparison_page(raw: str, explanation: Explanation, title: str) -> str:
    """A page with the raw body at the left and the clean one at the right, both rendered, and the steps below.

    Neither side may run scripts; both may load images.
    """
    rows = "".join(
        f"<tr><td>{escape(step.name)}</td><td>{escape(step.purpose)}</td><td>{_notes(step)}</td></tr>\n"
        for step in explanation.steps
    )
    clean_html = explanation.body.html
    return f"""<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>{escape(title)}: before ({len(raw)} characters) and after ({len(clean_html)} characters)</header>
<main>
<iframe sandbox title="before" srcdoc="{escape(_inner(raw), quote=True)}"></iframe>
<iframe sandbox title="after" srcdoc="{escape(_inner(clean_html), quote=True)}"></iframe>
</main>
<table>
<tr><th>pass</th><th>what for</th><th>what it did</th></tr>
{rows}</table>
</body>
</html>
"""


def _change(step: Step) -> str:
    before, after = step.elements_before, step.elements_after
    return f"{before} elements" if before == after else f"{before} → {after} elements"


def _inner(body: str) -> str:
    return (
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="Content-Security-Policy" content="{_INNER_POLICY}"><style>{_INNER_STYLE}</style>{body}'
    )


def _notes(step: Step) -> str:
    return "<br>".join([_change(step), *_note_lines(step)])


def _note_lines(step: Step) -> list[str]:
    return [f"{note.count} × {escape(note.rule)}: {escape(note.sample)}" for note in step.notes]
