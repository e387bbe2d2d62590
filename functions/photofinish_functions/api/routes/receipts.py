"""Receipts of erasures, and the public keys to verify them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BeforeValidator, Field

from photofinish.application.receipts import public_key_pem
from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.patterns import UUID
from photofinish_functions.api.schemas import Output, Parameters, example, new_blueprint

_Time = Annotated[str, BeforeValidator(datetime.isoformat)]


class ErasurePath(Parameters):
    erasure_id: str = Field(pattern=UUID, description="Id of the erasure, as its answer gives it.")


class ErasedTarget(Output):
    """What was erased, without its name or id."""

    kind: str = Field(description="`photo`, `face`, `person` or `album`.")
    digest: str = Field(description="HMAC-SHA-256 of the target under a key of the deployment.")


class ReceiptJson(Output):
    """A signed receipt, without personal data. The answer is the document that was signed, byte for byte."""

    format: str
    algorithm: str
    erasure_id: str
    target: ErasedTarget
    reason: str = Field(description="A code: why it was erased.")
    started_at: str
    finished_at: str
    removed: dict[str, dict[str, int]] = Field(description="Store → kind → how many were removed.")
    software_version: str
    key_id: str = Field(description="The key that signed; `GET /v1/receipt-keys` lists it.")
    signature: str = Field(description="Ed25519, of the document without this field, in hexadecimal.")


class ReceiptKeyJson(Output):
    """A public key that receipts are or were signed with."""

    key_id: str = Field(json_schema_extra=example("3f9c1d7a52e80b64"))
    public_key_pem: str = Field(description="Ed25519, as SubjectPublicKeyInfo.")
    first_used_at: _Time


class ReceiptKeys(Output):
    """The latest first. A key stays listed when it is replaced, so that earlier receipts can be verified."""

    keys: list[ReceiptKeyJson]


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("receipts", "Receipts of erasures.")

    @api.get("/erasures/<erasure_id>/receipt", responses={200: ReceiptJson})
    @guarded(Scope.ADMIN, "show_receipt")
    @fails_with("unknown_receipt")
    def show_receipt(path: ErasurePath) -> Response:
        """Return the signed receipt of a finished erasure, as the file that `photofinish receipt verify` checks."""
        audit(target=path.erasure_id)
        return Response(services.receipt_store.receipt(path.erasure_id).document(), mimetype="application/json")

    @api.get("/receipt-keys", responses={200: ReceiptKeys})
    @guarded(Scope.SEARCH, "list_receipt_keys", any_album=True)
    def list_receipt_keys() -> dict[str, Any]:
        """List the public keys of all receipts."""
        keys = [
            ReceiptKeyJson.from_object(key, public_key_pem=public_key_pem(key.public_key))
            for key in services.receipt_store.public_keys()
        ]
        return ReceiptKeys(keys=keys).model_dump()

    return api
