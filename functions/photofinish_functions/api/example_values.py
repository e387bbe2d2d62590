"""What the examples of the OpenAPI document are made of: one album, its photos and people."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]
REQUEST_ID: Final = "0af7651916cd43dd8448eb211c80319c"
ALBUM = "spring-10k"
ADA, BEA = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f", "5d1a0f9e-27c6-4f0b-8a35-c1d2e3f40516"
FACE, OTHER_FACE = "fe1e3f30-c578-5f3e-86c1-aa97f51b4515", "2b7d9c44-0a6e-5c1d-b3f8-9e8d7c6b5a49"
UPLOAD = "9b2f1c7e-4d3a-4e5f-8a6b-7c8d9e0f1a2b"
SPACE = "sface-2021dec-2"
VECTOR = "AACAPwAAAAA="
UPLOADED_AT, DONE_AT = "2026-05-01T10:06:02.311000Z", "2026-05-01T10:06:05.904000Z"

PHOTO: Json = {
    "bucket": "my-project-photos",
    "name": f"{ALBUM}/cam2/IMG_1.jpg",
    "generation": 1795236345493247,
    "album": ALBUM,
    "photo_id": "3751ffab0c9f1332f5305f0d757bbc38",
}
OTHER_PHOTO = PHOTO | {
    "name": f"{ALBUM}/cam2/IMG_7.jpg",
    "generation": 1795236345811034,
    "photo_id": "b0d4f7a2c3e5968170aa55bb44cc33dd",
}
FILMED = PHOTO | {"name": "spring-10k/cam2/finish.mp4", "photo_id": "9b1f0c7a5f0e4d8795a1c9f2e0b7d6a3"}
BOX: Json = {"x": 0.41, "y": 0.22, "w": 0.12, "h": 0.18}
BIB_BOX: Json = {"x": 0.43, "y": 0.55, "w": 0.09, "h": 0.05}
RENDITIONS: Json = {
    "preview": {
        "url": "https://storage.googleapis.com/my-project-derived/renditions/…?X-Goog-Signature=…",
        "expires_at": "2026-05-02T08:15:00Z",
    },
    "thumbnail": {
        "url": "https://storage.googleapis.com/my-project-derived/renditions/…?X-Goog-Signature=…",
        "expires_at": "2026-05-02T08:15:00Z",
    },
}
PLACEHOLDER = "WYcGTZKAdnebhnhZeGd5aGFQBViI"
USED_FACE: Json = {
    "box": {"x": 0.26, "y": 0.2, "w": 0.48, "h": 0.58},
    "detection_score": 0.94,
    "quality": 0.97,
    "quality_reasons": [],
}
FOUND_FACE: Json = {
    "face_id": FACE,
    "box": BOX,
    "similarity": 0.81,
    "is_certain": True,
    "shared_neighbours": 0.92,
    "support": 0.92,
    "detection_score": 0.93,
    "quality": 0.88,
}
READ_BIB: Json = {
    "number": "1234",
    "ocr_score": 0.98,
    "partial": False,
    "box": BIB_BOX,
    "by_hand": False,
    "face_id": FACE,
    "inferred": False,
    "confirmed": False,
    "offered": False,
    "evidence_photo_id": None,
    "evidence_face_id": None,
}


def part(part: str, value: float, weight: float) -> Json:
    return {"part": part, "value": value, "weight": weight, "contribution": round(value * weight, 6)}


def search_answer(*parts: Json, **found: Any) -> Json:
    photo = {
        "photo": PHOTO,
        "score": round(sum(part["contribution"] for part in parts), 6),
        "parts": list(parts),
        "face": None,
        "bib": None,
        "name": None,
        "words": None,
        "depiction": None,
        "text": None,
        "in_video": None,
        "face_box": BOX,
        "taken_at": "2026-05-01T10:04:26",
        "corrected_at": "2026-05-01T11:04:26",
        "camera": "Canon EOS R5",
        "width": 6000,
        "height": 4000,
        "sharpness": 0.61,
        "placeholder": PLACEHOLDER,
        "renditions": RENDITIONS,
        "download_pass": None,
        "burst": None,
    }
    return {
        "album": ALBUM,
        "photos": [photo | found],
        "next_cursor": None,
        "numbers": {},
        "selfies": [USED_FACE] if "face" in found else [],
    }


def cameras(reference: str | None, *, found: bool) -> Json:
    nikon = {"shift_s": 3604, "confidence": 0.86, "agreeing": 31, "subjects": 32}
    times = {"first": "2026-05-01T08:55:02", "last": "2026-05-01T13:20:41"}
    return {
        "reference": reference,
        "cameras": [
            {"name": "Canon EOS R5", "photos": 2100, **times, "shift_s": 0, "found": None},
            {"name": "NIKON D850", "photos": 800, **times, "shift_s": 3600, "found": nikon if found else None},
        ],
    }


QUALITY = part("quality", 0.59, 0.05)
COMPARISON: Json = {
    "similarity": 0.78,
    "match_probability": 0.998,
    "is_match": True,
    "min_similarity": 0.49,
    "embedding_space": SPACE,
    "faces": [USED_FACE, USED_FACE | {"detection_score": 0.9, "quality": 0.6, "quality_reasons": ["turned"]}],
}
ANALYSED: Json = {
    "photo": PHOTO,
    "status": "done",
    "queued_at": UPLOADED_AT,
    "done_at": DONE_AT,
    "image": {
        "width": 6000,
        "height": 4000,
        "format": "JPEG",
        "taken_at": "2026-05-01T10:04:26",
        "camera": "Canon EOS R5",
    },
    "sharpness": {"frame": 0.61, "is_blurry": False},
    "faces": [
        {
            "face_id": FACE,
            "box": BOX,
            "detection_score": 0.93,
            "sharpness": 0.7,
            "quality": 0.88,
            "person_id": None,
        }
    ],
    "bibs": [
        {
            "number": "1234",
            "ocr_score": 0.98,
            "partial": False,
            "candidates": [{"number": "1234", "probability": 0.96}, {"number": "1284", "probability": 0.03}],
            "box": BIB_BOX,
            "face_id": FACE,
            "by_hand": False,
        }
    ],
    "text": ["1234", "SPRING 10K"],
    "warnings": [
        {
            "code": "tail_missing",
            "message": "The lower 8% of the picture is missing. "
            "Upload the photo again from the original if there is one.",
        }
    ],
    "error": None,
    "duplicate_of": None,
    "placeholder": PLACEHOLDER,
    "kind": "photo",
    "video": None,
    "burst": None,
    "renditions": RENDITIONS,
}
VIDEO: Json = ANALYSED | {
    "photo": FILMED,
    "image": {"width": 1920, "height": 1080, "format": "MP4", "taken_at": None, "camera": None},
    "faces": [
        ANALYSED["faces"][0] | {"box": BOX | {"at_s": 83.24}, "seen_s": 4.2, "poster_box": BOX},
    ],
    "bibs": [ANALYSED["bibs"][0] | {"candidates": [], "box": BIB_BOX | {"at_s": 83.24}}],
    "text": [],
    "warnings": [],
    "kind": "video",
    "video": {
        "duration_s": 312.4,
        "codec": "H.264",
        "frames_a_second": 50.0,
        "rotation_deg": 0,
        "transfer": "sdr",
        "audio_tracks": 1,
        "poster_s": 81.9,
        "scenes": [{"start_s": 0.0, "end_s": 79.5}, {"start_s": 79.5, "end_s": 312.4}],
        "scene_count": 2,
    },
}
REJECTED: Json = {
    "photo": OTHER_PHOTO,
    "status": "rejected",
    "queued_at": UPLOADED_AT,
    "done_at": DONE_AT,
    "image": None,
    "sharpness": None,
    "faces": [],
    "bibs": [],
    "text": [],
    "warnings": [],
    "error": {
        "code": "cut_off",
        "message": "The JPEG file is incomplete: its end is missing. Upload it again from the original.",
    },
    "duplicate_of": None,
    "placeholder": None,
    "kind": "photo",
    "video": None,
    "burst": None,
    "renditions": {"preview": None, "thumbnail": None},
}
PERSON: Json = {
    "person_id": ADA,
    "name": "Ada Lovelace",
    "user_id": None,
    "created_at": "2026-05-01T10:07:00Z",
    "face_count": 14,
    "confirmed_count": 2,
    "enrolled_count": 1,
}
CLUSTER = PERSON | {"person_id": BEA, "name": None, "face_count": 1, "confirmed_count": 0, "enrolled_count": 0}
CHANGED: Json = {"person": PERSON, "operation_id": 7}
CHANGED_FACES: Json = {"changed": [FACE], "refused": {OTHER_FACE: "other_person"}, "operation_id": 7}
TARGET: Json = {
    "upload_id": UPLOAD,
    "url": "https://storage.googleapis.com/my-project-enrolments/…?X-Goog-Signature=…",
    "method": "PUT",
    "headers": {"Content-Length": "0"},
    "expires_at": "2026-05-01T11:07:00Z",
}
SEEN_FACE: Json = {
    "face_id": FACE,
    "photo": PHOTO,
    "box": BOX,
    "quality": 0.88,
    "similarity": 0.84,
    "probability": 0.999,
}
ALBUM_COUNTS: Json = {"album": ALBUM, "photos": 1250, "faces": 4310, "bibs": 2987}
RULES: Json = {
    "min_digits": 1,
    "max_digits": 5,
    "letters": "none",
    "prefixes": ["1", "29"],
    "edits": {"O": "0", "I": "1"},
    "start_list": [{"number": "1234", "name": "Ada Lovelace"}],
}
RESCORING: Json = {"photos": 1204, "added": 31, "removed": 12, "changed": 4, "skipped": 0, "remaining": 0}
CORRECTED: Json = {
    "photo": PHOTO,
    "bibs": [
        {
            "number": "1495",
            "ocr_score": 1.0,
            "partial": False,
            "candidates": [],
            "box": BIB_BOX,
            "face_id": FACE,
            "by_hand": True,
        }
    ],
    "operation_id": 12,
}
POLICY: Json = {
    "legal_basis": "consent",
    "indexing": "enrolled_only",
    "redact": "without_consent",
    "redaction_style": "blur",
    "keep_originals": True,
    "purpose": "finding your race photos",
    "ends_on": "2026-12-31",
}
CONSENT: Json = {
    "consent_id": "3a5d7f90-1b2c-4d3e-8f40-5a6b7c8d9e0f",
    "action": "given",
    "purpose": "finding your race photos",
    "at": "2026-05-01T09:30:00Z",
    "method": "web form",
    "text_version": "2026-03",
    "is_minor": False,
    "guardian": None,
    "recorded_at": "2026-05-01T09:30:02Z",
    "recorded_by": "k7m2q9xw",
}
OPT_OUT: Json = {
    "opt_out_id": "9d2c4b6a-7e8f-4a1b-9c0d-1e2f3a4b5c6d",
    "album": ALBUM,
    "source": "selfie",
    "person_id": None,
    "templates": 2,
    "added_at": "2026-05-01T10:07:00Z",
    "added_by": "k7m2q9xw",
    "applied_at": "2026-05-01T10:07:01Z",
}
ACCESS: Json = {
    "album": ALBUM,
    "users_may_search": True,
    "users_may_browse": False,
    "anonymous_users": False,
}

ERASURE: Final[Json] = {
    "erasure_id": "5f0c7d36-2f0b-4b9c-8f35-0b6ff0a7f2f4",
    "kind": "person",
    "album": "spring-10k",
    "id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
    "reason": "request",
    "started_at": "2026-05-02T09:00:00Z",
    "finished_at": None,
    "removed": {"firestore": {"faces": 12, "people": 1}, "postgres": {"face": 12, "person": 1}},
}
RECEIPT: Final[Json] = {
    "algorithm": "Ed25519",
    "erasure_id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
    "finished_at": "2026-05-02T09:00:03.000000Z",
    "format": "photofinish-erasure-receipt/1",
    "key_id": "56475aa75463474c",
    "reason": "request",
    "removed": {"firestore": {"people": 1}, "postgres": {"face": 12, "person": 1}},
    "signature": "743e94df259e7925d1d9fbe43feb6599e0e6b8a77b35e9e7e8c582dd1a3cf108"
    "7c02815d5b151f2a3775e385974db829c5eef4cf0a563f1bbf680dee7f8aa607",
    "software_version": "0.1.0",
    "started_at": "2026-05-02T09:00:00.000000Z",
    "target": {"digest": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "kind": "person"},
}
RECEIPT_KEY: Final[Json] = {
    "key_id": "56475aa75463474c",
    "public_key_pem": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
    "-----END PUBLIC KEY-----\n",
    "first_used_at": "2026-05-01T07:00:00+00:00",
}
EVENT: Json = {
    "specversion": "1.0",
    "id": "6c1f9a3e-8b7d-5e42-a0c4-3f5d7e9b1a2c",
    "source": f"/v1/albums/{ALBUM}",
    "type": "photofinish.photo.done",
    "subject": f"photos/{PHOTO['photo_id']}",
    "time": DONE_AT,
    "datacontenttype": "application/json",
    "sequence": "000000000000004711",
    "data": {
        "album": ALBUM,
        "photo_id": PHOTO["photo_id"],
        "generation": PHOTO["generation"],
        "folder": "cam2",
        "camera": "Canon EOS R5",
        "upload_to_result_s": 3.593,
        "faces": 2,
        "bibs": 1,
    },
}
_COUNTS: Json = {
    "photos": 1252,
    "done": 1250,
    "rejected": 2,
    "failed": 0,
    "faces": 3110,
    "bibs": 1904,
    "share_with_bib": 0.9344,
    "upload_to_result_s": {"p50": 3.724, "p95": 6.597},
}
COST: Json = {
    "album": ALBUM,
    "usd": 0.189,
    "usd_per_1000_photos": 0.151,
    "usd_month": 0.16,
    "usd_queued": 0.0051,
    "photos": 1252,
    "waiting": 100,
    "processor": "l4",
    "seconds_per_photo": 0.12,
    "is_own_pace": True,
    "is_billed": True,
    "is_complete": True,
    "prices_as_of": "2026-11-21",
    "region": "us-central1 and others of its price tier, such as europe-west1",
    "budget": {"usd": 20.0, "spent": 0.0095, "is_halted": False},
    "lines": [
        {
            "name": "analysis on an L4",
            "quantity": 150.2,
            "unit": "task seconds",
            "usd": 0.0465,
            "is_measured": True,
        }
    ],
}
STATISTICS: Json = _COUNTS | {
    "album": ALBUM,
    "is_complete": True,
    "people": 412,
    "photos_per_person": {"mean": 6.2, "p50": 5, "most": 40},
    "by_hour": [_COUNTS | {"hour": "2026-05-01T10:00:00Z"}],
    "by_camera": [_COUNTS | {"camera": "Canon EOS R5"}],
    "by_folder": [_COUNTS | {"folder": "cam2"}],
    "by_code": [{"code": "not_a_picture", "rejected": 2, "failed": 0}],
}
