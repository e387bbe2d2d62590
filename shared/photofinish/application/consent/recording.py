"""Record what a person said about a purpose, with what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from photofinish.application.consent.opting_out import OptOuts
from photofinish.domain.album_policy import Indexing
from photofinish.domain.consent import ConsentAction, ConsentRecord, ConsentStatement
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
    """Add a statement to a person's history. The same statement again changes nothing.

    A withdrawal of the album's purpose (of any purpose, where the album declares none) puts the person on the
    suppression list and erases their faces and enrolment pictures; what a crash leaves of that, :meth:`OptOuts.sweep`
    does. Consent that is given again takes that entry back.

    Raises:
        UnknownPerson: the album has no such person.
        RejectedInput: `consent_incomplete`: the statement is of the future.
    """
    if statement.at > datetime.now(UTC) + _AHEAD:
        raise RejectedInput("consent_incomplete", "at: the time lies in the future.")
    policy = policies.policy(album)
    if policy.purpose not in ("", statement.purpose):
        return RecordedConsent(record=consents.record(album, person_id, statement, by=by))
    is_given = statement.action is ConsentAction.GIVEN
    refusal = None if is_given else opt_outs.refusal(album, person_id)
    recorded = consents.record_about_faces(album, person_id, statement, by=by, refusal=refusal)
    entry = recorded.opt_out
    return RecordedConsent(
        record=recorded.record,
        opt_out_id=entry.opt_out_id if entry and entry.templates else None,
        erased_faces=opt_outs.apply(entry) if entry else 0,
        analyse_again=recorded.counts and is_given and policy.indexing is Indexing.ENROLLED_ONLY,
    )
