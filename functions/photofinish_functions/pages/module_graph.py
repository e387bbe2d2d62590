"""What a module imports: a page that names all its modules need not find them one after the other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

_STATIC_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


def imported(name: str, source: str) -> list[str]:
    """The names of the modules that module `name` imports at once; those of `import("…")` come when they are needed."""
    folder = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, path)) for path in _STATIC_IMPORT.findall(source)]


def module_graph(names: Iterable[str], source_of: Callable[[str], str]) -> list[str]:
    """These modules and everything that they import at once, directly or not, nearest first."""
    found = list(names)
    for module in found:  # grows meanwhile
        found += [one for one in dict.fromkeys(imported(module, source_of(module))) if one not in found]
    return found
