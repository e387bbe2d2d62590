"""Examples of request bodies for the OpenAPI document, by operation id."""

from __future__ import annotations

from typing import Any, Final

from photofinish_functions.api.example_batches import FILE_TO_UPLOAD
from photofinish_functions.api.example_downloads import NEW_DOWNLOAD
from photofinish_functions.api.example_keys import KEY_BODIES
from photofinish_functions.api.example_shares import SHARING_BODIES
from photofinish_functions.api.example_subscriptions import SUBSCRIPTION
from photofinish_functions.api.example_values import (
    BEA,
    FACE,
    OTHER_FACE,
    POLICY,
    RULES,
    VECTOR,
    Json,
)
from photofinish_functions.api.example_webhooks import WEBHOOK_BODIES


def _json(**values: Any) -> dict[str, Json]:
    """Named examples of a JSON body; a `_` in a name is a space in its summary."""
    return {
        "application/json": {
            name: {"summary": name.replace("_", " ").capitalize(), "value": value} for name, value in values.items()
        }
    }


def _files(field: str, *, count: int, **more: Any) -> dict[str, Json]:
    """An example of a form with files, whose contents a document can only hint at."""
    return {"multipart/form-data": {"pictures": {"value": {field: ["(a JPEG)"] * count, **more}}}}


BODIES: Final[dict[str, dict[str, Json]]] = {
    "subscribe": _json(by_number={"channel": "email", "address": "ada@example.org", "bib": "1234"})
    | _files("selfie", count=1, subscription=SUBSCRIPTION),
    "create_batch": _json(one_file={"files": [FILE_TO_UPLOAD]}),
    "add_batch_files": _json(one_more={"files": [FILE_TO_UPLOAD]}),
    "create_download": _json(previews=NEW_DOWNLOAD),
    "search": _json(
        by_bib_number={"bib": "1234", "limit": 50},
        photos_of_one_camera_in_a_quarter_of_an_hour={
            "taken_from": "2026-05-01T10:00:00",
            "taken_to": "2026-05-01T10:15:00",
            "camera": "Canon EOS R5",
        },
    )
    | _files("selfie", count=2, bib="1234"),
    "compare": _files("picture", count=2),
    "compare_in_album": _files("picture", count=2),
    "analyze": _files("picture", count=2),
    "embed": _files("picture", count=2),
    "rerank": _json(
        two_candidates={
            "queries": [[0.6, 0.8]],
            "candidates": [{"id": "IMG_1", "vector": [0.8, 0.6]}, {"id": "IMG_2", "vector": VECTOR}],
        }
    ),
    "create_person": _json(with_one_picture={"name": "Ada Lovelace", "pictures": 1}),
    "rename_person": _json(name={"name": "Ada Lovelace"}, remove_the_name={"name": None}),
    "add_uploads": _json(two_more={"pictures": 2}),
    "confirm_faces": _json(two_faces={"face_ids": [FACE, OTHER_FACE]}),
    "reject_faces": _json(one_face={"face_ids": [OTHER_FACE]}),
    "decide_number": _json(confirm={"confirmed": True}, reject={"confirmed": False}),
    "merge_people": _json(merge={"other": BEA}),
    "split_person": _json(split={"face_ids": [OTHER_FACE], "name": "Bea"}),
    "correct_bib": _json(
        replace={"action": "replace", "number": "14951", "new_number": "1495"},
        add={"action": "add", "number": "1495", "face_id": FACE},
        remove={"action": "remove", "number": "14951"},
        move={"action": "move", "number": "1495", "face_id": OTHER_FACE},
    ),
    "set_camera_shifts": _json(an_hour_behind={"shifts_s": {"NIKON D850": 3600}}, none={"shifts_s": {}}),
    "set_bib_rules": _json(with_a_start_list=RULES, defaults={}),
    "record_statement": _json(
        give={"action": "given", "method": "web form", "text_version": "2026-03"},
        give_for_a_minor={
            "action": "given",
            "purpose": "finding your race photos",
            "at": "2026-05-01T09:30:00Z",
            "method": "paper",
            "text_version": "2026-03",
            "is_minor": True,
            "guardian": "Anne Isabella Byron",
        },
        withdraw={"action": "withdrawn", "method": "e-mail"},
    ),
    "opt_out": _files("picture", count=2),
    "opt_out_myself": _files("picture", count=1),
    "opt_out_of_all": _files("picture", count=1),
    "set_budget": _json(twenty_dollars={"usd": 20}, none={"usd": None}),
    "set_album_policy": _json(with_consent=POLICY, defaults={}),
    "set_album_access": _json(
        open={"users_may_search": True},
        browse={"users_may_search": True, "users_may_browse": True},
        close={"users_may_search": False},
    ),
    **{operation: _json(**examples) for operation, examples in (WEBHOOK_BODIES | SHARING_BODIES | KEY_BODIES).items()},
}
