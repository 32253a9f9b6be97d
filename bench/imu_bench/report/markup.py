"""HTML and SVG out of elements: every text is escaped here and nowhere else, so that none can be forgotten."""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias
from xml.sax.saxutils import escape

_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither HTML nor XML may hold, as a character or as a reference."""
_LINK: Final = re.compile(
    r"(https?://[A-Za-z0-9./_~%#?=&+:@-]*[A-Za-z0-9/])|(?<![\w/.])(10\.\d{4,9}/[A-Za-z0-9./_-]*\w)"
)
"""An address, or a DOI by itself."""
_VOID: Final = frozenset(("br", "meta", "hr"))


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Inner: TypeAlias = "str | Markup | Iterable[Inner] | None"
Attribute: TypeAlias = str | int | float | bool | None


def text(said: str) -> Markup:
    """A text as markup.

    >>> text("<b> & more")
    '&lt;b&gt; &amp; more'
    """
    return said if isinstance(said, Markup) else Markup(escape(_UNFIT.sub("\ufffd", said)))


def together(*inner: Inner) -> Markup:
    """Parts one after the other."""
    return Markup("".join(_flat(inner)))


def element(tag: str, /, *inner: Inner, **attributes: Attribute) -> Markup:
    """One element. `class_` is class, `aria_label` aria-label; None and False are left out.

    >>> element("b", "1 < 2", class_="few", hidden=False)
    '<b class="few">1 &lt; 2</b>'
    """
    opened = "".join([tag, *(_attribute(key, value) for key, value in attributes.items())])
    if tag in _VOID:
        return Markup(f"<{opened} />")
    return Markup(f"<{opened}>{together(*inner)}</{tag}>")


def linked(said: str) -> Markup:
    """A citation with its addresses as plain links.

    >>> linked("doi 10.3390/s20216331.")
    'doi <a href="https://doi.org/10.3390/s20216331">10.3390/s20216331</a>.'
    """
    parts: list[Markup] = []
    end = 0
    for found in _LINK.finditer(said):
        address = found[1] or f"https://doi.org/{found[2]}"
        parts += [text(said[end : found.start()]), element("a", found[0], href=address)]
        end = found.end()
    return together(parts, text(said[end:]))


def slug(*words: str) -> str:
    """A name for an anchor; different ones stay different.

    >>> slug("ipol", "a/b"), slug("A b")
    ('ipol-a.2f.b', 'A.20.b')
    """
    return "-".join(re.sub(r"[^A-Za-z0-9-]", lambda found: f".{ord(found[0]):x}.", word) for word in words)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    said = name if value is True else number(value) if isinstance(value, float) else str(value)
    return f' {name}="{escape(_UNFIT.sub(chr(0xFFFD), said), {chr(34): "&quot;"})}"'


def number(value: float) -> str:
    """A length on the page, to a hundredth of a pixel: the same digits on every machine.

    >>> number(3.0), number(-0.001), number(2.567)
    ('3', '0', '2.57')
    """
    said = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if said == "-0" else said


def _flat(inner: Iterable[Inner]) -> Iterable[str]:
    for part in inner:
        if part is None:
            continue
        if isinstance(part, str):
            yield text(part)
        else:
            yield from _flat(part)
