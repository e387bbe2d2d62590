"""Mutants of a file: cosmic-ray's for Python, and changes of conditions, limits and orders for SQL."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OPERATORS = (
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ZeroIterationForLoop", "NumberReplacer"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add", "ReplaceBinaryOperator_Mul_Div"),
    "ReplaceBinaryOperator_Mul_Pow",
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq", "ReplaceComparisonOperator_Lt_LtE"),
    *("ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
)
# Lines whose mutants say nothing: what a program logs and how it words errors, how a class is built, how long it waits
# for a server, and the markers of arguments.
_SKIPPED = re.compile(
    r"\blog\.|^\s*@dataclass|^\s*\*, |\(\*, |, \*, |^\s*\*,$|_TIMEOUT_S\b|\btimeout=|functools|exc_info|raise \w+\(f?\""
)
_CONDITION = re.compile(r"\b(WHERE|AND|ON|OR|FILTER|HAVING|WHEN|NOT|SELECT)\b")
_SQL = (
    ("equal", re.compile(r"(?<![<>!:=|])=(?![>=])"), "<>"),
    ("different", re.compile(r"<>"), "="),
    ("less", re.compile(r"(?<![<=>@~-])<(?![=>@<])"), "<="),
    ("at most", re.compile(r"<=(?!>)"), "<"),
    ("more", re.compile(r"(?<![-=<>@#])>(?![=>])"), ">="),
    ("at least", re.compile(r"(?<![<-])>="), ">"),
    ("and", re.compile(r"\bAND\b"), "OR"),
    ("or", re.compile(r"\bOR\b"), "AND"),
    ("not exists", re.compile(r"\bNOT EXISTS\b"), "EXISTS"),
    ("exists", re.compile(r"(?<!NOT )\bEXISTS\b"), "NOT EXISTS"),
    ("null", re.compile(r"\bIS NULL\b"), "IS NOT NULL"),
    ("not null", re.compile(r"\bIS NOT NULL\b"), "IS NULL"),
    ("same", re.compile(r"\bIS DISTINCT FROM\b"), "IS NOT DISTINCT FROM"),
    ("ascending", re.compile(r" DESC\b"), ""),
    ("greatest", re.compile(r"\bgreatest\("), "least("),
    ("least", re.compile(r"\bleast\("), "greatest("),
    ("no limit", re.compile(r"^(\s*)LIMIT %\(\w+\)s"), r"\1"),
    ("every", re.compile(r"\bcount\(DISTINCT "), "count("),
)


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    module: str
    operator: str
    code: str
    name: str = ""
    """Of a mutant made by hand."""

    @functools.cached_property
    def change(self) -> tuple[str, str]:
        """The lines that change: before, and after."""
        before, after = (ROOT / self.module).read_text().splitlines(), self.code.splitlines()
        while before and after and before[0] == after[0]:
            del before[0], after[0]
        while before and after and before[-1] == after[-1]:
            del before[-1], after[-1]
        return tuple("\n".join(line.strip() for line in lines) for lines in (before, after))  # type: ignore[return-value]

    @functools.cached_property
    def line(self) -> int:
        """The number of the first line that changes."""
        pairs = zip((ROOT / self.module).read_text().splitlines(), self.code.splitlines(), strict=False)
        return next((number for number, (old, new) in enumerate(pairs, 1) if old != new), 0)


@dataclass(frozen=True)
class Place:
    """Where a file can be changed, and how."""

    module: str
    line: int
    make: Callable[[], Mutant]


@functools.cache
def places(module: str) -> tuple[Place, ...]:
    """All changes of a file that are worth a try. A mutant is made when it is asked for: that takes longer."""
    lines = (ROOT / module).read_text().splitlines()
    found = _in_sql(module) if module.endswith(".sql") else _in_python(module)
    return tuple(place for place in found if not _SKIPPED.search(lines[place.line - 1]))


def _in_python(module: str) -> Iterator[Place]:
    # These packages are installed for `make mutate` alone.
    from cosmic_ray.ast import ast_nodes, get_ast  # type: ignore[import-not-found]
    from cosmic_ray.mutating import mutate_code  # type: ignore[import-not-found]
    from cosmic_ray.plugins import get_operator  # type: ignore[import-not-found]

    from mutation.deleted_calls import DeletedCall

    source = (ROOT / module).read_text()
    nodes = list(ast_nodes(get_ast(source)))
    operators: dict[str, Any] = {name: get_operator(f"core/{name}")() for name in OPERATORS}

    def mutant(name: str, operator: Any, occurrence: int) -> Mutant:
        return Mutant(module, name, mutate_code(source, operator, occurrence))

    for name, operator in (operators | {"DeletedCall": DeletedCall()}).items():
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, ((line, _), _) in enumerate(positions):
            yield Place(module, line, functools.partial(mutant, name, operator, occurrence))


def _in_sql(module: str) -> Iterator[Place]:
    lines = (ROOT / module).read_text().splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.lstrip().startswith("--") or not (_CONDITION.search(line) or "LIMIT" in line or "DESC" in line):
            continue
        for name, pattern, replacement in _SQL:
            for found in pattern.finditer(line):
                changed = line[: found.start()] + found.expand(replacement) + line[found.end() :]
                mutant = Mutant(module, f"SQL: {name}", "".join([*lines[:number], changed, *lines[number + 1 :]]))
                yield Place(module, number + 1, functools.partial(_itself, mutant))


def _itself(mutant: Mutant) -> Mutant:
    return mutant
