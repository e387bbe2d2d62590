"""Examples of answers for the OpenAPI document, by operation id."""

from __future__ import annotations

from typing import Final

from photofinish_functions.api.example_batches import BATCH, BATCH_PAGE, CREATED_BATCH
from photofinish_functions.api.example_downloads import DOWNLOAD
from photofinish_functions.api.example_keys import KEY_ANSWERS
from photofinish_functions.api.example_shares import CARD, SHARING_ANSWERS
from photofinish_functions.api.example_subscriptions import SUBSCRIPTION_ANSWERS
from photofinish_functions.api.example_values import (
    ACCESS,
    ADA,
    ALBUM_COUNTS,
    ANALYSED,
    BEA,
    BIB_BOX,
    BOX,
    CHANGED,
    CHANGED_FACES,
    CLUSTER,
    COMPARISON,
    CONSENT,
    CORRECTED,
    COST,
    ERASURE,
    EVENT,
    FACE,
    FOUND_FACE,
    OPT_OUT,
    OTHER_FACE,
    OTHER_PHOTO,
    PERSON,
    PHOTO,
    POLICY,
    QUALITY,
    READ_BIB,
    RECEIPT,
    RECEIPT_KEY,
    REJECTED,
    RENDITIONS,
    RESCORING,
    RULES,
    SEEN_FACE,
    SPACE,
    STATISTICS,
    TARGET,
    UPLOAD,
    USED_FACE,
    VECTOR,
    VIDEO,
    Json,
    cameras,
    part,
    search_answer,
)
from photofinish_functions.api.example_webhooks import WEBHOOK_ANSWERS

ANSWERS: Final[dict[str, Json]] = {
    "create_batch": CREATED_BATCH,
    "add_batch_files": CREATED_BATCH,
    "show_batch": BATCH_PAGE,
    "cancel_batch": BATCH,
    "create_download": DOWNLOAD,
    "health": {"status": "ok"},
    "ready": {"status": "ok"},
    "search": search_answer(part("face", 0.99, 0.95), QUALITY, face=FOUND_FACE),
    "search_words": search_answer(
        part("words", 0.0, 0.555556),
        part("vision", 0.86, 0.388889),
        QUALITY,
        face_box=None,
        words=[],
        depiction={"similarity": 0.49, "labels": [{"name": "mountain bike", "score": 0.81}]},
    ),
    "search_bib": search_answer(part("bib", 0.98, 0.95), QUALITY, bib=READ_BIB),
    "list_albums": {
        "albums": [ALBUM_COUNTS | {"title": CARD["title"], "held_on": CARD["held_on"]}],
        "next_cursor": None,
        "next_after": None,
    },
    "show_album": ALBUM_COUNTS
    | {
        "visitors_may_download": "web",
        "has_originals": True,
        "photos_by_status": {"done": 1250, "queued": 8, "rejected": 2},
        "last_upload_at": "2026-05-01T10:31:40Z",
        "gpu_refused": None,
        "ends_on": "2026-12-31",
        "privacy": {
            "legal_basis": "consent",
            "purpose": "finding race photos",
            "indexing": "opt_out",
            "redact": "none",
        },
        **CARD,
    },
    "list_photos": {"photos": [ANALYSED, VIDEO, REJECTED], "next_cursor": "WyJlM2IwYzQ0Mjk4ZmMxYzE0Il0"},
    "show_photo": ANALYSED,
    "compare": COMPARISON,
    "compare_in_album": COMPARISON,
    "embed": {
        "embedding_space": SPACE,
        "pictures": [
            {
                "width": 1080,
                "height": 1440,
                "faces": [
                    {
                        **USED_FACE,
                        "landmarks": [
                            {"x": 0.41, "y": 0.42},
                            {"x": 0.59, "y": 0.42},
                            {"x": 0.5, "y": 0.53},
                            {"x": 0.43, "y": 0.64},
                            {"x": 0.57, "y": 0.64},
                        ],
                        "sharpness": 0.8,
                        "vector": VECTOR,
                        "aligned": None,
                    }
                ],
                "error": None,
                "timings_ms": {"decode": 11.2, "analyse": 48.6},
            },
            {
                "width": None,
                "height": None,
                "faces": [],
                "error": {"code": "not_a_picture", "message": "The file is not a picture, whatever its name says."},
                "timings_ms": None,
            },
        ],
        "total_ms": 61.4,
    },
    "rerank": {
        "candidates": [
            {"index": 0, "id": "IMG_1", "score": 0.93, "similarity": 0.96},
            {"index": 1, "id": "IMG_2", "score": 0.4, "similarity": 0.6},
        ]
    },
    "list_people": {
        "people": [
            PERSON
            | {
                "bib_numbers": ["1234"],
                "cover": {
                    "face_id": FACE,
                    "photo": PHOTO,
                    "box": BOX,
                    "quality": 0.88,
                    "renditions": RENDITIONS,
                },
            },
            CLUSTER | {"bib_numbers": [], "cover": None},
        ],
        "next_cursor": None,
        "next_after": None,
    },
    "create_person": {
        "person": PERSON | {"face_count": 0, "confirmed_count": 0, "enrolled_count": 0},
        "uploads": [TARGET],
        "liveness": "not_checked",
    },
    "show_person": PERSON
    | {
        "uploads": [
            {
                "upload_id": UPLOAD,
                "status": "refused",
                "code": "no_face",
                "message": "No face was found. Take a picture from the front, in good light.",
                "expires_at": "2026-05-01T11:07:00Z",
            }
        ],
        "numbers": [
            {
                "number": "1234",
                "state": "inferred",
                "score": 0.988,
                "part_of": None,
                "evidence": [{"photo": PHOTO, "face_id": FACE, "box": BIB_BOX, "ocr_score": 0.98, "partial": False}],
                "conflicts": [
                    {
                        "kind": "other_person",
                        "number": "1234",
                        "person_id": BEA,
                        "score": 0.6,
                        "confirmed": False,
                    }
                ],
            }
        ],
    },
    "rename_person": PERSON,
    "add_uploads": {"uploads": [TARGET], "liveness": "not_checked"},
    "list_matches": {
        "faces": [SEEN_FACE | {"source": "confirmed"}],
        "suggested": [
            SEEN_FACE
            | {
                "face_id": OTHER_FACE,
                "photo": OTHER_PHOTO,
                "similarity": 0.57,
                "probability": 0.93,
                "person_id": None,
            }
        ],
        "next_cursor": None,
        "min_similarity": 0.49,
    },
    "confirm_faces": CHANGED_FACES,
    "reject_faces": CHANGED_FACES,
    "decide_number": CHANGED,
    "show_clustering": {
        "is_waiting": False,
        "ran_at": "2026-05-01T10:40:12Z",
        "full_at": "2026-05-01T02:00:07Z",
        "faces": 4310,
        "people": 612,
        "people_on_photos": 608,
        "assigned_faces": 4105,
        "spaces": {
            SPACE: {
                "min_similarity": 0.49,
                "single_face_similarity": 0.58,
                "stranger_pairs": 9120,
                "false_matches": 3,
                "false_match_rate_at_most": 0.00096,
            }
        },
    },
    "merge_people": CHANGED,
    "split_person": {"person": CLUSTER, "operation_id": 8},
    "list_people_operations": {
        "operations": [
            {
                "operation_id": 7,
                "kind": "merge",
                "done_at": "2026-05-01T12:00:00Z",
                "done_by": "k7m2q9xw",
                "person_ids": [ADA, BEA],
                "is_reversible": True,
                "undoes": None,
                "undone_by": None,
            }
        ],
        "next_cursor": None,
        "next_before": None,
    },
    "undo_operation": {"operation_id": 9},
    "show_receipt": RECEIPT,
    "erase_photo": ERASURE
    | {
        "kind": "photo",
        "id": PHOTO["photo_id"],
        "removed": {"postgres": {"face": 3, "photo": 1}, "firestore": {"photos": 1}},
    },
    "erase_face": ERASURE
    | {"kind": "face", "id": FACE, "removed": {"postgres": {"face": 1}, "firestore": {"faces": 1}}},
    "delete_person": ERASURE,
    "erase_album": ERASURE
    | {
        "kind": "album",
        "id": "spring-10k",
        "removed": {"postgres": {"face": 3110, "photo": 1250}, "firestore": {"photos": 1250}},
    },
    "show_erasure": ERASURE | {"finished_at": "2026-05-02T09:00:03Z"},
    "list_receipt_keys": {"keys": [RECEIPT_KEY]},
    "analyze": {
        "pictures": [
            {
                "image": {
                    "width": 4000,
                    "height": 6000,
                    "format": "JPEG",
                    "taken_at": "2026-05-01T10:06:01",
                    "camera": "Canon EOS R5",
                },
                "faces": [
                    {
                        "box": BOX,
                        "landmarks": [
                            {"x": 0.44, "y": 0.29},
                            {"x": 0.5, "y": 0.29},
                            {"x": 0.47, "y": 0.32},
                            {"x": 0.45, "y": 0.36},
                            {"x": 0.49, "y": 0.36},
                        ],
                        "detection_score": 0.93,
                        "sharpness": 0.61,
                        "quality": 0.88,
                        "quality_reasons": [],
                        "pose": {"roll_deg": 1.4, "yaw_deg": -8.2, "pitch_deg": 3.1},
                        "brightness": 54.2,
                    }
                ],
                "bibs": [
                    {
                        "number": "1234",
                        "ocr_score": 0.98,
                        "box": BIB_BOX,
                        "face_index": 0,
                        "partial": False,
                        "candidates": [],
                    }
                ],
                "text": [{"text": "1234", "ocr_score": 0.98, "box": BIB_BOX, "corners": None}],
                "sharpness": {"frame": 0.57, "laplacian_variance": 214.5, "is_blurry": False},
                "warnings": [],
                "models": {
                    "face_detection": "yunet-2023mar",
                    "text_detection": "pp-ocrv6-det",
                    "text_recognition": "pp-ocrv6-rec",
                },
                "timings_ms": {"decode": 88.1, "detect": 61.0, "read": 180.2},
                "error": None,
            }
        ],
        "total_ms": 402.5,
    },
    "list_events": {"events": [EVENT], "next_cursor": "WyI5ZjJjN2UwYTFiNGQ2ODg1Iiw0NzExXQ", "later_cursor": None},
    "create_event_ticket": {"ticket": "WyJrZXkiLCJhYmNkIl0.q2hXbGdpZUZrYnJ1c2g", "expires_in_s": 60},
    "show_statistics": STATISTICS,
    "show_cost": COST,
    "set_budget": COST,
    "show_queue": {
        "at": "2026-05-01T10:06:05Z",
        "outstanding": 812,
        "oldest": {"photo": OTHER_PHOTO, "status": "queued", "since": "2026-05-01T10:05:41Z", "last_failure": None},
        "tasks": [
            {
                "task": "2026-05-01T10:02:00-analyze/0",
                "reported_s_ago": 1.2,
                "retries": 3,
                "stages": [
                    {"stage": "decode", "photos": 1210, "photos_per_s": 12.5, "ms_per_photo": 88.1, "waiting": 4}
                ],
            }
        ],
        "retries": 3,
        "photos_per_s": 12.4,
        "ends_at": "2026-05-01T10:07:10Z",
        "failed_last_day": [{"code": "analysis_failed", "photos": 2}],
    },
    "show_cameras": cameras("Canon EOS R5", found=True),
    "set_camera_shifts": cameras(None, found=False),
    "show_bib_rules": RULES,
    "set_bib_rules": RULES | {"rescoring": RESCORING},
    "show_rescoring": RESCORING,
    "rescore_album": RESCORING | {"remaining": 18750},
    "correct_bib": CORRECTED,
    "list_bib_operations": {
        "operations": [
            {
                "operation_id": 12,
                "kind": "replace",
                "photo": PHOTO,
                "number": "1495",
                "instead_of": "14951",
                "done_at": "2026-05-01T12:00:00Z",
                "done_by": "k7m2q9xw",
                "is_active": True,
                "undoes": None,
                "undone_by": None,
            }
        ],
        "next_cursor": None,
    },
    "undo_bib_operation": CORRECTED | {"operation_id": 13},
    "show_retention": {
        "albums": [
            {
                "album": "spring-10k",
                "purpose": "finding your race photos",
                "ends_on": "2026-12-31",
                "erased_on": "2027-01-01",
                "days_left": 31,
            }
        ]
    },
    "show_consents": {
        "person_id": ADA,
        "consents": {"finding your race photos": "given"},
        "history": [CONSENT],
    },
    "record_statement": {"record": CONSENT, "opt_out_id": None, "erased_faces": 0, "analyse_again": True},
    "opt_out": {"opt_out": OPT_OUT, "erased_faces": 14, "liveness": "not_checked"},
    "opt_out_myself": {"opt_out": OPT_OUT, "erased_faces": 9, "liveness": "not_checked"},
    "list_opt_outs": {"opt_outs": [OPT_OUT], "next_cursor": None},
    "opt_out_of_all": {
        "opt_out": OPT_OUT | {"album": None, "applied_at": None},
        "erased_faces": 0,
        "liveness": "not_checked",
    },
    "list_opt_outs_of_all": {"opt_outs": [OPT_OUT | {"album": None}], "next_cursor": None},
    "show_album_policy": POLICY,
    "set_album_policy": POLICY,
    "show_album_access": ACCESS,
    "set_album_access": ACCESS,
    **WEBHOOK_ANSWERS,
    **KEY_ANSWERS,
    **SHARING_ANSWERS,
    **SUBSCRIPTION_ANSWERS,
    "openapi": {"openapi": "3.1.0", "info": {"title": "photofinish", "version": "1.0.0"}, "paths": {}},
}
