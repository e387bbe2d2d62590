"""Record what a person said about a purpose, with what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from photofinish.application.consent.opting_out import OptOuts
from photofinish.domain.album_policy import Indexing
from photofinish.domain.consent import ConsentAction, ConsentRecord, ConsentStatement, standing_consents
from photofinish.errors import RejectedInput
from photofinish.ports import AlbumPolicies, Consents

# Clocks differ a little. A later time would overrule withdrawals that are still to come.
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConsent:
    """A record, and what followed from it."""

    record: ConsentRecord
    opt_out_id: str | None = None
    """The entry of the suppression list that a withdrawal made."""
    erased_faces: int = 0
    analyse_again: bool = False
    """Whether photos that were analysed before may show the person without their face being indexed."""


def record_consent(
    album: str,
    person_id: str,
    statement: ConsentStatement,
    *,
    by: str,
    consents: Consents,
    policies: AlbumPolicies,
    opt_outs: OptOuts,
) -> RecordedConsent:
    """Add a statement to a person's history. The same statement again repeats what a crash may have left undone.

    A withdrawal of the album's purpose (of any purpose, where the album declares none) puts the person on the
    suppression list and erases their faces and enrolment pictures. Consent that is given again takes that entry back.

    Raises:
        UnknownPerson: the album has no such person.
        RejectedInput: `consent_incomplete`: the statement is of the future.
    """
    if statement.at > datetime.now(UTC) + _AHEAD:
        raise RejectedInput("consent_incomplete", "at: the time lies in the future.")
    record = consents.record(album, person_id, statement, by=by)
    policy = policies.policy(album)
    counts = standing_consents(consents.records(album, person_id)).get(statement.purpose)
    if counts != record or policy.purpose not in ("", statement.purpose):
        return RecordedConsent(record=record)
    if statement.action is ConsentAction.GIVEN:
        opt_outs.take_back(album, person_id)
        return RecordedConsent(record=record, analyse_again=policy.indexing is Indexing.ENROLLED_ONLY)
    entry, erased = opt_outs.withdraw(album, person_id, by=by)
    return RecordedConsent(record=record, opt_out_id=entry.opt_out_id if entry else None, erased_faces=erased)
