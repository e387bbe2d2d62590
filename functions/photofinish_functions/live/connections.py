"""The open connections of an instance: how many, how long, and whether their callers may still have them."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable

from photofinish.domain.access import Principal
from photofinish.errors import Unavailable
from photofinish_functions.live.admission import Admission, Caller
from photofinish_functions.live.feed import Ending
from photofinish_functions.refused import Refused

log = logging.getLogger(__name__)
MAX_CONNECTIONS = 1000
"""What an instance of 512 MiB was measured with (docs/benchmarks/live.md), and the most that Cloud Run sends to one."""
LONGEST_S = 55 * 60.0
"""Cloud Run ends a request after 60 minutes at most."""
CHECK_EVERY_S = 20.0
RETRY_AFTER_S = 5
_Rights = tuple[Principal, frozenset[str]]


class Connection:
    """One open connection."""

    def __init__(self, caller: Caller, end: Callable[[Ending], None], forget: Callable[[Connection], None]) -> None:
        self.caller = caller
        self.albums: set[str] = set()
        """Those it gets events of."""
        self.end = end
        self._forget = forget
        # Spread, so that not all come back at once.
        lasts_s = min(LONGEST_S, caller.lasts_s or math.inf) * random.uniform(0.9, 1)  # noqa: S311
        self._timer = asyncio.get_running_loop().call_later(lasts_s, end, Ending.TIME_IS_UP)

    def close(self) -> None:
        self._timer.cancel()
        self._forget(self)


class Connections:
    """All open connections of an instance; used in one event loop."""

    def __init__(self, admission: Admission, *, most: int = MAX_CONNECTIONS) -> None:
        self._admission = admission
        self._most = most
        self._open: set[Connection] = set()
        self._is_closing = False

    def check_room(self) -> None:
        """Raise Refused if no connection can be opened now."""
        if self._is_closing or len(self._open) >= self._most:
            message = f"All live connections of this server are in use. Try again in {RETRY_AFTER_S} s."
            raise Refused(503, "too_many_connections", message, {"Retry-After": str(RETRY_AFTER_S)})

    def add(self, caller: Caller, end: Callable[[Ending], None]) -> Connection:
        """Count a connection until it is closed; `end` is called when it must end. Raises as :meth:`check_room`."""
        self.check_room()
        connection = Connection(caller, end, self._open.discard)
        self._open.add(connection)
        return connection

    def end_all(self) -> None:
        """End all connections, and accept no others: the server stops."""
        self._is_closing = True
        for connection in list(self._open):
            connection.end(Ending.RESTARTING)

    async def end_refused(self) -> None:
        """Until cancelled, end connections whose caller may not have them any more."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self.check_callers()
            except Unavailable as error:
                log.warning("the keys of live connections could not be checked: %s", error)

    async def check_callers(self) -> None:
        """End the connections whose caller may not have them any more; raises Unavailable."""
        rights_of = {one: (one.caller.principal, frozenset(one.albums)) for one in self._open}
        valid = await asyncio.to_thread(self._valid, set(rights_of.values()))
        for connection, rights in rights_of.items():
            if rights not in valid:
                connection.end(Ending.REVOKED)

    def _valid(self, rights: set[_Rights]) -> set[_Rights]:
        return {
            (principal, albums) for principal, albums in rights if self._admission.is_still_valid(principal, albums)
        }
