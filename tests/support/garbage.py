"""Less garbage collection: a third of the processor time of tests that build an application each."""

from __future__ import annotations

import gc

# A collection of all generations looks at a million objects that never go: modules, tests, routes, models.
_YOUNG_OBJECTS, _COLLECTIONS = 100_000, (20, 100)


def collect_seldom() -> None:
    gc.set_threshold(_YOUNG_OBJECTS, *_COLLECTIONS)


def keep_what_is_there() -> None:
    """Never look again at the objects that are here now."""
    gc.collect()
    gc.freeze()
