"""The forms of texts in requests, each with a sentence for who sends another form."""

from __future__ import annotations

from typing import Final

UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
PHOTO_ID: Final = r"^[0-9a-f]{32}$"
DIGIT: Final = r"^[0-9]$"
BIB_NUMBER: Final = r"^[0-9A-Za-z-]+$"
LISTED_NUMBER: Final = r"^([0-9]{1,9}([ -]?[A-Za-z]{1,2})?|[A-Za-z]{1,2}[ -]?[0-9]{1,9})$"
CAMERA_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"
PRINTABLE_ASCII: Final = r"^[!-~]+$"
CONTENT_TYPE: Final = r"^[a-z0-9.+-]+/[a-z0-9.+-]+$"
CRC32C: Final = r"^[A-Za-z0-9+/]{6}==$"
KEY_ID: Final = r"^[a-z2-7]{16}$"
PIN: Final = r"^[0-9]{4,8}$"
MAIL_ADDRESS: Final = (
    r"^[!#-'*+./0-9=?A-Z^-~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,63}$"
)
WITHOUT_NUL: Final = r"^[^\x00]*$"

SENTENCES: Final[dict[str, str]] = {
    UUID: "must be an id such as 0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f, in lower case, as answers give it",
    PHOTO_ID: "must be a photo id: 32 digits and letters from a to f, as answers give it",
    DIGIT: "must be one digit",
    BIB_NUMBER: "must be a bib number of digits, letters and dashes",
    LISTED_NUMBER: "must be a bib number: 1 to 9 digits, with up to two letters before or after them",
    CAMERA_TIME: "must be a time without a time zone, such as 2026-05-01T10:00:00",
    PRINTABLE_ASCII: "must be ASCII characters without spaces, as answers give it",
    CONTENT_TYPE: "must be a content type such as image/jpeg, in lower case",
    CRC32C: "must be four bytes in Base64, such as n03x6A==",
    KEY_ID: "must be the id of a key: 16 small letters and digits from 2 to 7, as answers give it",
    PIN: "must be 4 to 8 digits",
    WITHOUT_NUL: "must not contain a NUL character",
}
