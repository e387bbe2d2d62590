"""That the lists of `make mutate` fit the code: what a mutant replaces is there, and so are its tests."""

from __future__ import annotations

import pytest

from mutation.generating import ROOT
from mutation.modules import AREAS
from mutation.named import NAMED, Named
from mutation.survivors import Survivors


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.name)
def test_a_mutant_made_by_hand_changes_what_is_there(named: Named) -> None:
    mutant = named.mutant()
    assert mutant.change[0] != mutant.change[1]
    if named.file.endswith(".py"):
        compile(mutant.code, named.file, "exec")


def test_all_files_of_the_lists_exist() -> None:
    files = {file for area in AREAS.values() for module, tests in area.items() for file in (module, *tests)}
    files |= {file for named in NAMED for file in (named.file, *named.tests)}
    assert sorted(file for file in files if not (ROOT / file).is_file()) == []


def test_listed_survivors_are_of_the_code_as_it_is() -> None:
    known = Survivors.read()
    assert [(one.module, one.before) for one in known.outdated()] == []
    assert all(one.reason for one in known.listed)
