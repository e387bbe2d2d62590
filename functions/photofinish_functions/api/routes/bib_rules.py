"""The bib rules of an album: which numbers are bibs, and the start list."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from flask_openapi3.blueprint import APIBlueprint
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from photofinish.domain.access import Scope
from photofinish.domain.bib_changes import Rescoring
from photofinish.domain.bib_number import digits_of, normal_number
from photofinish.domain.bib_rules import LOOKALIKES, BibRules, Letters, is_prefix
from photofinish.domain.start_list import StartList
from photofinish.wiring import App
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.patterns import DIGIT, LISTED_NUMBER, WITHOUT_NUL
from photofinish_functions.api.schemas import AlbumPath, Input, Output, example, new_blueprint, storable

MAX_DIGITS = 9
MAX_ENTRANTS = 100_000
MAX_START_LIST_BYTES = 8 * 2**20
# A third of the time that a request may take on Cloud Run; the last page may take some seconds more.
RESCORING_BUDGET_S = 20.0


class EntrantJson(Input):
    """An entry of the start list."""

    number: Annotated[str, AfterValidator(normal_number)] = Field(
        pattern=LISTED_NUMBER,
        description="Digits, with up to two letters before or after them; answered in capitals, without space or dash.",
        json_schema_extra=example("2906"),
    )
    name: str = Field("", max_length=200, json_schema_extra=example("Ada Lovelace"))

    _storable = field_validator("name")(storable)


ReadCharacter = Annotated[str, Field(min_length=1, max_length=1, pattern=WITHOUT_NUL), AfterValidator(storable)]
Digit = Annotated[str, Field(pattern=DIGIT)]


class BibRulesBody(Input):
    """Fields that are left out get their defaults. Without a start list, every number that the rules allow is a bib."""

    min_digits: int = Field(BibRules().min_digits, ge=1, le=MAX_DIGITS)
    max_digits: int = Field(BibRules().max_digits, ge=1, le=MAX_DIGITS, validate_default=True)
    letters: Letters = Field(
        Letters.NONE,
        strict=False,
        description="Where bibs have letters that are a part of the number: `A123` (`before`), `1234B` (`after`). "
        "Elsewhere only the digits are the number. Letters of the start list's numbers are always allowed.",
    )
    prefixes: list[str] = Field(
        [],
        max_length=100,
        description="If any are given, a number must begin with one of them, with or without its letters.",
        json_schema_extra=example(["1", "29"]),
    )
    edits: dict[ReadCharacter, Digit] = Field(
        dict(LOOKALIKES),
        max_length=64,
        description="Maps a character that is often misread between digits to the digit that it stands for.",
        json_schema_extra=example({"O": "0", "I": "1"}),
    )
    # Not more than the first wrong entry is told: describing a hundred thousand takes seconds and half a gigabyte.
    start_list: Annotated[list[EntrantJson], Field(fail_fast=True)] | None = Field(
        None, min_length=1, max_length=MAX_ENTRANTS
    )

    @field_validator("max_digits")
    @classmethod
    def _not_below(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_digits", 1):
            raise ValueError("must not be below min_digits")
        return value

    @field_validator("prefixes")
    @classmethod
    def _of_numbers(cls, values: list[str]) -> list[str]:
        normal = [normal_number(value) for value in values]
        if not all(is_prefix(value) and len(digits_of(value)) <= MAX_DIGITS for value in normal):
            raise ValueError(f"each must have 1 to {MAX_DIGITS} digits, one or two letters, or letters and digits")
        return normal

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
            letters=self.letters,
            prefixes=tuple(self.prefixes),
            edits=self.edits,
            start_list=None if names is None else StartList(names),
        )


class RescoringJson(Output):
    """What the rules changed in the numbers of photos that were analysed before."""

    photos: int = Field(description="Photos whose stored text was read again since the rules were last changed.")
    added: int = Field(description="Numbers that were found, in photos that had no such number.")
    removed: int
    changed: int = Field(description="Numbers that were replaced by others.")
    skipped: int = Field(
        description="Photos without stored text, which keep their numbers until they are analysed again."
    )
    remaining: int = Field(description="Photos that are still to be read again.")

    @classmethod
    def of(cls, rescoring: Rescoring) -> RescoringJson:
        return cls.from_object(rescoring, **asdict(rescoring.numbers))


class BibRulesAnswer(Output):
    min_digits: int
    max_digits: int
    letters: Letters
    prefixes: list[str]
    edits: dict[str, str]
    start_list: list[EntrantJson] | None

    @classmethod
    def of(cls, rules: BibRules, **more: Any) -> Self:
        names = None if rules.start_list is None else sorted(rules.start_list.names.items())
        entrants = None if names is None else [EntrantJson(number=number, name=name) for number, name in names]
        return cls.from_object(rules, start_list=entrants, **more)


class ChangedBibRules(BibRulesAnswer):
    rescoring: RescoringJson


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("albums", "Settings of albums.")

    @api.get("/albums/<album>/bib-rules", responses={200: BibRulesAnswer})
    @guarded(Scope.WRITE, "read_bib_rules")
    def show_bib_rules(path: AlbumPath) -> dict[str, Any]:
        """Show the bib rules of an album, with its start list. Needs `write`, because the start list has names."""
        return BibRulesAnswer.of(services.album_rules.bib_rules(path.album)).model_dump()

    @api.put("/albums/<album>/bib-rules", responses={200: ChangedBibRules})
    @guarded(Scope.WRITE, "set_bib_rules", max_json_bytes=MAX_START_LIST_BYTES, makes_album=True)
    @fails_with("invalid_value")
    def set_bib_rules(path: AlbumPath, body: BibRulesBody) -> dict[str, Any]:
        """Replace the bib rules of an album, and read the stored text of its photos again by the new rules.

        Corrections stay. In a very large album photos `remain` after some 20 seconds: `POST …/bib-rules/rescoring` goes
        on at once, otherwise that happens within minutes.
        """
        rules = body.rules()
        services.album_rules.set_bib_rules(path.album, rules)
        audit(count=len(rules.start_list.names) if rules.start_list else 0)
        done = services.album_rescorer.rescore_soon(path.album, budget_s=RESCORING_BUDGET_S)
        return ChangedBibRules.of(rules, rescoring=RescoringJson.of(done)).model_dump()

    @api.get("/albums/<album>/bib-rules/rescoring", responses={200: RescoringJson})
    @guarded(Scope.WRITE, "show_rescoring")
    def show_rescoring(path: AlbumPath) -> dict[str, Any]:
        """Show what the album's rules changed in its numbers since they were set, and how many photos remain."""
        rules = services.album_rules.bib_rules(path.album)
        return RescoringJson.of(services.bib_rescoring.state(path.album, rules.fingerprint)).model_dump()

    @api.post("/albums/<album>/bib-rules/rescoring", responses={200: RescoringJson})
    @guarded(Scope.WRITE, "rescore_album")
    def rescore_album(path: AlbumPath) -> dict[str, Any]:
        """Go on reading photos that follow earlier rules, for some 20 seconds; repeat it while any `remain`."""
        done = services.album_rescorer.rescore(path.album, budget_s=RESCORING_BUDGET_S)
        audit(count=done.photos)
        return RescoringJson.of(done).model_dump()

    return api
