"""Whether a correction of a bib number can be undone."""

from __future__ import annotations

from collections.abc import Iterable

from photofinish.domain.bib_corrections import BibCorrection
from photofinish.errors import Conflict


def kind_of_undo(kind: str) -> str:
    """The kind of the operation that undoes one of `kind`."""
    return "redo" if kind == "undo" else "undo"


def check_undo(
    correction: BibCorrection,
    later: Iterable[tuple[int, BibCorrection]],
    *,
    undone_by: int | None,
    is_replaced: bool,
) -> None:
    """Check whether an operation on `correction` can be undone.

    `later` has the corrections of the same photo that were made after it and apply now, with their operations.
    `is_replaced`: the photo has another generation now, or none.

    Raises:
        Conflict: `already_undone`, `photo_replaced`, or `changed_since`: a later one is about the same number or face.
    """
    if undone_by is not None:
        raise Conflict("already_undone", f"The operation was undone already, by operation {undone_by}.")
    if is_replaced:
        raise Conflict("photo_replaced", "The photo was replaced or removed since, so the correction does not apply.")
    if depending := [operation_id for operation_id, other in later if _is_about_the_same(other, correction)]:
        numbers = ", ".join(map(str, depending[:5]))
        raise Conflict(
            "changed_since", f"The number was corrected again since, by operation {numbers}: undo that first."
        )


def _is_about_the_same(one: BibCorrection, other: BibCorrection) -> bool:
    shared = {one.number, one.instead_of} & {other.number, other.instead_of} - {None}
    return bool(shared) or (one.face is not None and one.face == other.face)
