"""What a search may ask for: parameters checked, so that what comes out of here can be trusted."""

from __future__ import annotations

import re

from werkzeug.datastructures import MultiDict

from photofinish.domain.photo import MAX_ALBUM_CHARS, is_album_name
from photofinish_functions.http_answers import bad_request

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
MAX_NUMBER_CHARS = 16
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_BIB_NUMBER = re.compile(rf"[0-9A-Za-z-]{{1,{MAX_NUMBER_CHARS}}}")

Fields = MultiDict[str, str]


def album_in(*sources: Fields) -> str:
    """The required parameter `album`, from the query or the form."""
    album = _only("album", *sources)
    if album is None:
        raise bad_request("'album' is missing: which album should be searched?")
    if not is_album_name(album):
        raise bad_request(f"'album' cannot be the name of one: 1 to {MAX_ALBUM_CHARS} printable characters, no slash.")
    return album


def limit_in(*sources: Fields) -> int:
    """The optional parameter `limit`: how many photos at most."""
    text = _only("limit", *sources)
    if text is None:
        return DEFAULT_LIMIT
    if not _WHOLE_NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise bad_request(f"'limit' is a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def bib_number_in(*sources: Fields) -> str:
    """The required parameter `number`, as it is printed on the bib."""
    number = _only("number", *sources)
    if number is None:
        raise bad_request("'number' is missing: which bib number is looked for?")
    if not _BIB_NUMBER.fullmatch(number):
        raise bad_request(f"'number' is 1 to {MAX_NUMBER_CHARS} of the characters 0-9, A-Z, a-z and '-'.")
    return number


def _only(name: str, *sources: Fields) -> str | None:
    values = [value for source in sources for value in source.getlist(name)]
    if len(values) > 1:
        raise bad_request(f"'{name}' is given {len(values)} times: give it once.")
    return values[0] if values else None
