"""XMP of a photo: numbers and names as keywords, names as people in the picture, sharpness as a rating.

Lightroom and Photo Mechanic read it from a sidecar file beside the photo, and from the photo itself. Properties are
those of Dublin Core (`dc:subject`), XMP (`xmp:Rating`) and IPTC (`Iptc4xmpExt:PersonInImage`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
{description} </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_RDF_END = "</rdf:RDF>"
_SUBJECTS = re.compile(r"<dc:subject>\s*<rdf:Bag>(.*?)</rdf:Bag>\s*</dc:subject>", re.DOTALL)
_EMPTY_BAG = re.compile(r"<dc:subject>\s*<rdf:Bag\s*/>\s*</dc:subject>")
# XML 1.0 has no other control characters, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoMetadata:
    """What is written into a copy of a photo."""

    numbers: Sequence[str]
    names: Sequence[str]
    rating: int | None
    """1 to 5."""

    @property
    def keywords(self) -> list[str]:
        return list(dict.fromkeys([*self.numbers, *self.names]))


def packet(metadata: PhotoMetadata) -> str:
    """A whole XMP packet, for a sidecar or a photo that has none."""
    return _PACKET.format(description=_description(metadata, with_subject=True, with_people=True, with_rating=True))


def merged(existing: str, metadata: PhotoMetadata) -> str | None:
    """Add to the XMP that a photo has already; None where it is written in a way that is not known to be safe.

    Text is inserted and nothing else touched, so what the photographer wrote stays as it is: their keywords are added
    to, and their rating and people are kept. The file is not parsed as XML: it comes from outside.
    """
    if existing.count(_RDF_END) != 1 or "<!" in existing:
        return None
    has_subject = "dc:subject" in existing
    if has_subject:
        found = list(_SUBJECTS.finditer(existing))
        if existing.count("<dc:subject") != 1 or (not found and not _EMPTY_BAG.search(existing)):
            return None
        known = set(re.findall(r"<rdf:li[^>]*>(.*?)</rdf:li>", found[0][1], re.DOTALL)) if found else set()
        items = "".join(_items([word for word in metadata.keywords if _text(word) not in known]))
        if found:
            existing = existing[: found[0].end(1)] + items + existing[found[0].end(1) :]
        elif items:
            existing = _EMPTY_BAG.sub(
                lambda _: f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>", existing, count=1
            )
    description = _description(
        metadata,
        with_subject=not has_subject,
        with_people="PersonInImage" not in existing,
        with_rating="xmp:Rating" not in existing,
    )
    at = existing.index(_RDF_END)
    return existing[:at] + description + existing[at:]


def _description(metadata: PhotoMetadata, *, with_subject: bool, with_people: bool, with_rating: bool) -> str:
    rating = f' xmp:Rating="{metadata.rating}"' if with_rating and metadata.rating is not None else ""
    bags = _bag("dc:subject", metadata.keywords) if with_subject else ""
    bags += _bag("Iptc4xmpExt:PersonInImage", metadata.names) if with_people else ""
    if not rating and not bags:
        return ""
    return f'  <rdf:Description rdf:about="" {_NAMESPACES}{rating}>\n{bags}  </rdf:Description>\n'


def _bag(name: str, values: Sequence[str]) -> str:
    return f"   <{name}><rdf:Bag>{''.join(_items(values))}</rdf:Bag></{name}>\n" if values else ""


def _items(values: Sequence[str]) -> list[str]:
    return [f"<rdf:li>{_text(value)}</rdf:li>" for value in values]


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("", value))
