"""Every error code of the API, with its status and a message that it may have; the OpenAPI document shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from photofinish_functions.api.patterns import SENTENCES

View = TypeVar("View", bound=Callable[..., Any])

MESSAGES: Final[dict[int, dict[str, str]]] = {
    400: {
        "bad_request": "limit: Input should be less than or equal to 200.",
        "too_many_pictures": "Send at most 16 pictures, not 17.",
    },
    401: {
        "unauthorized": "Send a valid API key as 'X-Api-Key: KEY' or 'Authorization: Bearer KEY', or the ID token of a "
        "signed-in user as 'Authorization: Bearer TOKEN'.",
        "unknown_share": "This link was withdrawn: ask the organiser for another.",
        "pin_required": "This link needs a PIN: ask the organiser for it.",
        "wrong_pin": "The PIN is not right. After a few wrong ones this link has to be tried again later.",
    },
    403: {
        "forbidden": "This key or user may not do that.",
        "cross_site": "Only pages of this site may change something with its cookie: send the session token as Bearer.",
        "vectors_not_allowed": "This key or user may not send or receive embeddings: send pictures, or use a key made "
        "with --vectors.",
        "downloads_not_allowed": "Originals may not be downloaded here: download the size `web`.",
        "find_me_only": "Send a selfie or a bib number: signed-in users find only themselves here.",
        "opt_out_not_offered": "Here organisers opt people out: ask the organiser of the event.",
    },
    404: {
        "unknown_album": "No album has this name.",
        "unknown_photo": "This album has no photo with this id.",
        "unknown_person": "This album has no such person.",
        "unknown_batch": "This album has no such batch.",
        "unknown_upload": "This person has no such upload.",
        "unknown_bib": "This photo has no such bib number, or another face wears it: show the photo to see both.",
        "unknown_face": "This photo has no face with this id: show the photo to see its faces.",
        "unknown_operation": "There is no operation 7 in this album.",
        "unknown_erasure": "There is no erasure with this id.",
        "unknown_receipt": "There is no receipt of this erasure: it is unknown, or has not finished.",
        "not_clustered": "This album was not clustered yet.",
        "no_picture": "There is no file of this size of the photo: it was not analysed, or its album keeps only "
        "results.",
        "unknown_link": "This link is not complete or has expired: request the photo again.",
        "unknown_opt_out": "The suppression list has no such entry.",
        "unknown_share_link": "This album has no such share link.",
        "unknown_key": "There is no key with this id.",
        "unknown_webhook": "There is no such webhook here.",
        "unknown_delivery": "The webhook has no such delivery.",
        "unknown_subscription": "This album has no such subscription.",
        "unknown_path": "There is nothing at this path. See /v1/openapi.json for all paths.",
    },
    405: {"method_not_allowed": "Use one of OPTIONS, POST."},
    408: {"body_too_slow": "The body was not complete after 10 s."},
    409: {
        "already_undone": "The operation was undone already, by operation 9.",
        "not_reversible": "A person of this operation was deleted since, and nothing of them is kept.",
        "changed_since": "These people were changed since, by operation 8: undo that first.",
        "several_bibs": "The photo has this number several times: name the face that wears it.",
        "not_analysed": "This photo has no result to correct: it was rejected or removed.",
        "photo_replaced": "The photo was replaced or removed since, so the correction does not apply.",
        "same_person": "A person cannot be merged with themselves.",
        "two_users": "Both are users of the Rekognition API: delete one of the users first.",
        "rejected_faces": "2 faces of one person were rejected for the other: undo that, or reject them for both.",
        "not_theirs": "Some of these faces are not this person's; nothing was changed.",
        "nothing_left": "A split takes some of the person's faces, and leaves some.",
        "too_many_webhooks": "There are 50 webhooks already: remove one first.",
        "too_many_secrets": "The webhook has 2 secrets already: remove the old one first.",
        "subscription_limit": "There are 5 subscriptions here already: end one of them first.",
        "last_secret": "Messages must be signed: add a new secret before you remove this one.",
        "batch_ended": "The batch is completed: create another.",
        "batch_full": "A batch has at most 10,000 files: create another.",
        "photo_exists": "The album has photos of these names: files.0, files.7. Uploads of a batch replace none: "
        "leave them out, or give them other names.",
        "idempotency_key_reused": "This Idempotency-Key was sent with another body: use a new key for each request.",
        "request_in_progress": "A request with this Idempotency-Key is being answered: repeat it in 5 s.",
    },
    413: {"too_large": "The body of the request, or one of its parts, is too large: at most 32 MiB are accepted."},
    415: {"unsupported_media_type": "Send the body as application/json."},
    416: {"range_not_satisfiable": "The archive has 4,816,312 bytes: the range must begin before its end."},
    422: {
        "invalid_value": "max_digits: must not be below min_digits.",
        "album_name_not_allowed": "Character 5 of the album's name is not visible (U+200B, zero width space), so it "
        "could pass for another album. Rename the folder.",
        "invalid_query": "The time window ends before it starts.",
        "url_not_allowed": "Events cannot be sent to this URL: it must begin with https://.",
        "announced_twice": "files.7 has the name of files.0: give each its own.",
        "file_too_large": "files.0: The file has 120 MB; the limit is 100 MB.",
        "photo_name_not_allowed": "files.0: Use a name of up to 1024 bytes with the album, and without line breaks.",
        "not_a_vector": "queries.0 is not a vector: it is not valid Base64.",
        "person_without_face": "No face of this person is known yet.",
        "person_name_not_allowed": "A name has 1 to 200 printable characters; this one does not.",
        "number_not_allowed": "A number has 1 to 20 printable characters.",
        "channel_off": "This deployment sends no messages by webhook: GET …/subscriptions lists what it offers.",
        "face_not_indexed": "This album does not index this face, so no photo would be found by it.",
        "consent_incomplete": "text_version: name the version of the text that the person agreed to.",
        "different_people": "The pictures are not all of one person: send one person at a time.",
        "not_live": "The picture shows a screen or a print. Take one of the person themselves.",
        "no_face": "Picture 1: No face was found. Take a picture from the front, in good light.",
        "several_faces": "Picture 1: Several people were found, and none stands out. Cut the picture to one of them.",
        "small_face": "Picture 1: The face is too small. Move closer, or cut the picture to the face.",
        "unclear_face": "Picture 1: The face is turned away. Look into the camera.",
        "empty_file": "Picture 1: The file is empty (0 bytes). Upload it again.",
        "not_a_picture": "Picture 1: The file is not a picture, whatever its name says.",
        "unsupported_format": "Picture 1: The file is a PDF, which is not supported.",
        "cut_off": "Picture 1: The JPEG file is incomplete: its end is missing. Upload it again from the original.",
        "damaged": "Picture 1: The JPEG file is damaged. Upload it again from the original.",
        "too_many_pixels": "Picture 1: The picture has 12000 × 9000 pixels; the limit is 64 megapixels.",
        "too_small": "Picture 1: The picture has 8 × 8 pixels; each side needs at least 16.",
        "too_much_memory": "Picture 1: Decoding this picture takes more than 1,000 MB of memory. Export it as an "
        "ordinary JPEG, or in a smaller size.",
        "decoding_took_too_long": "Picture 1: Decoding this picture takes more than 10 s. Export it as an ordinary "
        "JPEG, or in a smaller size.",
        "decoder_failed": "Picture 1: The program that decodes pictures crashes on this file. Export it as an "
        "ordinary JPEG.",
    },
    429: {"rate_limited": "Too many requests. Try again in 12 s."},
    500: {"internal": "An unexpected error occurred. It was logged under this request id."},
    503: {"unavailable": "The service is temporarily unavailable. Try again in a few seconds."},
}
UNREADABLE_PICTURE: Final = (
    "empty_file",
    "not_a_picture",
    "unsupported_format",
    "cut_off",
    "damaged",
    "too_many_pixels",
    "too_small",
    "too_much_memory",
    "decoding_took_too_long",
    "decoder_failed",
)
"""Codes of a picture that cannot be decoded."""
UNFIT_SELFIE: Final = (*UNREADABLE_PICTURE, "no_face", "several_faces", "small_face", "unclear_face")
"""Codes of a picture that must show one person."""


def fails_with(*codes: str) -> Callable[[View], View]:
    """Declare the error codes of a route that :func:`codes_of` cannot derive from its path, parameters and body."""
    assert set(codes) <= set(every_code()), "add them to MESSAGES"

    def decorate(view: View) -> View:
        view.error_codes = codes  # type: ignore[attr-defined]
        return view

    return decorate


def every_code() -> Iterator[str]:
    """The codes of all statuses."""
    for messages in MESSAGES.values():
        yield from messages


def bad_request_message(operation: dict[str, Any]) -> str:
    """Return a message of `bad_request` that an operation may answer with."""
    parameters = {parameter["name"]: parameter["schema"] for parameter in operation.get("parameters", ())}
    bodies = operation.get("requestBody", {}).get("content", {})
    for name, schema in parameters.items():
        if "pattern" in schema:
            return f"{name}: {SENTENCES[schema['pattern']]}."
    if "application/json" in bodies:
        return "The body is not valid JSON at character 17."
    if bodies:
        return "The form has an unknown field: 'image'."
    return MESSAGES[400]["bad_request"]


def codes_of(path: str, operation: dict[str, Any], declared: tuple[str, ...]) -> set[str]:
    """Return the codes with which an operation of the OpenAPI document may fail, `declared` ones included."""
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    bodies = operation.get("requestBody", {}).get("content", {})
    codes = {"internal", *declared}
    if operation.get("security"):
        codes |= {"unauthorized", "forbidden", "rate_limited", "unavailable"}
    if parameters - {"album"} or bodies:
        codes.add("bad_request")
    if bodies:
        codes |= {"body_too_slow", "too_large", "unsupported_media_type"}
    if bodies and "{album}" in path:
        codes.add("album_name_not_allowed")
    if "cursor" in parameters:
        codes.add("invalid_query")
    codes |= {code for name, code in _NOT_FOUND.items() if f"{{{name}}}" in path}
    return codes


_NOT_FOUND = {
    "album": "unknown_album",
    "photo_id": "unknown_photo",
    "person_id": "unknown_person",
    "batch_id": "unknown_batch",
    "upload_id": "unknown_upload",
    "operation_id": "unknown_operation",
    "share_id": "unknown_share_link",
    "key_id": "unknown_key",
    "webhook_id": "unknown_webhook",
    "delivery_id": "unknown_delivery",
    "subscription_id": "unknown_subscription",
}
