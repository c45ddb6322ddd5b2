"""Cards are Jinja templates of Markdown, in which all that is filled in is a text and never markup.

What a source or a params file calls itself is data: a value is escaped unless it is `Markdown` already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

#: For `huggingface_hub`'s `from_template`: metadata, then the body, which is rendered before.
CARD = "---\n{{ card_data }}\n---\n\n{{ body }}"
LISTED = 10  # names that a list shows before it says how many more there are


class Markdown(str):
    """Text that is Markdown already."""


def plain_text(value: object, limit: int = 300) -> str:
    """A value as one line that Markdown shows as it is, also in a table."""
    text = "".join(c for c in " ".join(str(value).split()) if c.isprintable())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    # An underscore within a word is none of Markdown's.
    return re.sub(r"[\\`*{}\[\]<>|#~$&]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def shown(value: object) -> str:
    """A value as a card shows it: Markdown as it is, whole numbers with separators, texts escaped."""
    if isinstance(value, Markdown):
        return value
    return f"{value:,}" if isinstance(value, int) else plain_text(value)


def some(names: Iterable[object], limit: int = LISTED) -> Markdown:
    """The first names, and how many more there are."""
    found = [shown(name) for name in names]
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return Markdown(", ".join(found[:limit]) + more)


def reasons(counts: Mapping[str, int]) -> list[Markdown]:
    """Each reason with its count, "wrong answer (12)"."""
    return [Markdown(f"{plain_text(reason)} ({n:,})") for reason, n in counts.items()]


def link(name: str, url: str) -> Markdown:
    """A name with its link; after it, as text, a place that is no web address."""
    if re.fullmatch(r"https?://[^\s()<>|\[\]]+", url):
        return Markdown(f"[{plain_text(name)}]({url})")
    return Markdown(f"{plain_text(name)} ({plain_text(url)})" if url else plain_text(name))


def render(template: Path, **values: Any) -> str:
    """A template of Markdown with its values, each as `shown` has it; one that is missing is an error."""
    return _compiled(template).render(values)


@cache
def _compiled(template: Path) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - `finalize` escapes, for Markdown
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "markdown": Markdown,
        "text": lambda value, limit: Markdown(plain_text(value, limit)),
        "some": some,
        "reasons": reasons,
    }
    environment.globals["link"] = link
    return environment.get_template(template.name)
