"""The bib rules of an album: which numbers are bibs, and the start list."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, ValidationInfo, field_validator

from photofinish.domain.access import Scope
from photofinish.domain.bib_rules import LOOKALIKES, BibRules
from photofinish.domain.start_list import StartList
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import AlbumPath, Input, Output, example, new_blueprint, storable
from photofinish_functions.api.services import Services

MAX_DIGITS = 9
MAX_ENTRANTS = 100_000
MAX_START_LIST_BYTES = 8 * 2**20
_NUMBER = "^[0-9]{1,9}$"


class EntrantJson(Input):
    """An entry of the start list."""

    number: str = Field(pattern=_NUMBER, json_schema_extra=example("2906"))
    name: str = Field("", max_length=200, json_schema_extra=example("Ada Lovelace"))

    _storable = field_validator("name")(storable)


class BibRulesBody(Input):
    """Fields that are left out get their defaults. Without a start list, every number that the rules allow is a bib."""

    min_digits: int = Field(BibRules().min_digits, ge=1, le=MAX_DIGITS)
    max_digits: int = Field(BibRules().max_digits, ge=1, le=MAX_DIGITS, validate_default=True)
    prefixes: list[str] = Field(
        [],
        max_length=100,
        description="If any are given, a number must begin with one of them.",
        json_schema_extra=example(["1", "29"]),
    )
    edits: dict[str, str] = Field(
        dict(LOOKALIKES),
        max_length=64,
        description="Maps a character that is often misread next to digits to the digit that it stands for.",
        json_schema_extra=example({"O": "0", "I": "1"}),
    )
    start_list: list[EntrantJson] | None = Field(None, min_length=1, max_length=MAX_ENTRANTS)

    @field_validator("max_digits")
    @classmethod
    def _not_below(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_digits", 1):
            raise ValueError("must not be below min_digits")
        return value

    @field_validator("prefixes")
    @classmethod
    def _of_digits(cls, values: list[str]) -> list[str]:
        if not all(value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS for value in values):
            raise ValueError(f"each must have 1 to {MAX_DIGITS} digits")
        return values

    @field_validator("edits")
    @classmethod
    def _one_digit_for_one(cls, values: dict[str, str]) -> dict[str, str]:
        for read, digit in values.items():
            storable(read)
            if len(read) != 1 or len(digit) != 1 or digit not in "0123456789":
                raise ValueError("each must map one character to one digit")
        return values

    @field_validator("start_list")
    @classmethod
    def _each_number_once(cls, values: list[EntrantJson] | None) -> list[EntrantJson] | None:
        if values and len({entrant.number for entrant in values}) < len(values):
            raise ValueError("each number may be listed only once")
        return values

    def rules(self) -> BibRules:
        names = None if self.start_list is None else {entrant.number: entrant.name for entrant in self.start_list}
        return BibRules(
            min_digits=self.min_digits,
            max_digits=self.max_digits,
            prefixes=tuple(self.prefixes),
            edits=self.edits,
            start_list=None if names is None else StartList(names),
        )


class BibRulesAnswer(Output):
    min_digits: int
    max_digits: int
    prefixes: list[str]
    edits: dict[str, str]
    start_list: list[EntrantJson] | None

    @classmethod
    def of(cls, rules: BibRules) -> BibRulesAnswer:
        names = None if rules.start_list is None else sorted(rules.start_list.names.items())
        entrants = None if names is None else [EntrantJson(number=number, name=name) for number, name in names]
        return cls.from_object(rules, start_list=entrants)


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("albums", "Settings of albums.")

    @api.get("/albums/<album>/bib-rules", responses={200: BibRulesAnswer})
    @guarded(Scope.WRITE, "read_bib_rules")
    def get_bib_rules(path: AlbumPath) -> dict[str, Any]:
        """Show the bib rules of an album, with its start list. Needs `write`, because the start list has names."""
        return BibRulesAnswer.of(services.album_rules.bib_rules(path.album)).model_dump()

    @api.put("/albums/<album>/bib-rules", responses={200: BibRulesAnswer})
    @guarded(Scope.WRITE, "set_bib_rules", max_json_bytes=MAX_START_LIST_BYTES)
    def set_bib_rules(path: AlbumPath, body: BibRulesBody) -> dict[str, Any]:
        """Replace the bib rules of an album, for photos that are analysed from then on (within 30 seconds)."""
        rules = body.rules()
        services.album_rules.set_bib_rules(path.album, rules)
        audit(count=len(rules.start_list.names) if rules.start_list else 0)
        return BibRulesAnswer.of(rules).model_dump()

    return api
