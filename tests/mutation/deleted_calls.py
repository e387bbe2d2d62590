"""An operator of cosmic-ray that leaves out calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cosmic_ray.operators.operator import Operator  # type: ignore[import-not-found]
from parso.python.tree import Name  # type: ignore[import-not-found]


class DeletedCall(Operator):  # type: ignore[misc]
    """Leaves out one call whose value is not used: an effect that does not happen."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        is_statement = node.type in {"atom_expr", "power"} and node.parent.type == "simple_stmt"
        if is_statement:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return Name("pass", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()
