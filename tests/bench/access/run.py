"""What the gate costs a search: look-up, rate limit and audit entry, with one key for everybody and with one for each.

Run it on an idle machine, with DATABASE_URL of a server that waits for its disk (`photofinish up` starts one,
`photofinish env` names it): a database of its own is made there, and dropped. Prints a table, or JSON with `--json`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.migrating import migrate
from photofinish.domain.access import Principal, RateLimit, Scope
from photofinish_functions.access.gate import Gate
from support.access import http_request, new_key, pg_access, settings, with_key

SECONDS = 5.0
WIDE = RateLimit(per_second=1e6, burst=1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each line")
    arguments = parser.parse_args()
    with _database(os.environ["DATABASE_URL"]) as conninfo:
        rows = list(_rows(conninfo, arguments.seconds))
    _print(rows, as_json=arguments.json)


def _rows(conninfo: str, seconds: float) -> Iterator[dict[str, Any]]:
    for threads in (1, 10, 50):
        for connections in (4, 16):
            for shared_key in (True, False):
                with pg_access(conninfo, max_connections=connections) as store:
                    row = _measure(store, threads, shared_key=shared_key, seconds=seconds)
                    yield row | {"connections": connections}


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(
        f"{'what':10} {'threads':>7} {'conns':>5} {'one key':>7} {'per s':>8} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"
    )
    for row in rows:
        for what in ("admit", "record"):
            found = row[what]
            print(
                f"{what:10} {row['threads']:7} {row['connections']:5} {row['shared_key']!s:>7} "
                f"{found['per_s']:8.0f} {found['p50_ms']:8.2f} {found['p95_ms']:8.2f} {found['p99_ms']:8.2f}"
            )


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"bench_access_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            conninfo = make_conninfo(server, dbname=name)
            migrate(conninfo)
            yield conninfo
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _measure(store: PgAccessStore, threads: int, *, shared_key: bool, seconds: float) -> dict[str, Any]:
    gate = Gate(store, settings())
    one = new_key(store, rate=WIDE)
    keys = [one if shared_key else new_key(store, rate=WIDE) for _ in range(threads)]

    def admit(number: int) -> Principal:
        with http_request(headers=with_key(keys[number])) as request:
            return gate.admit(request, Scope.SEARCH, "race")

    principals = [admit(number) for number in range(threads)]

    def record(number: int) -> None:
        gate.record(principals[number], "search", album="race", outcome="200", request_id="r", count=1)

    return {
        "threads": threads,
        "shared_key": shared_key,
        "admit": _timed(admit, threads, seconds),
        "record": _timed(record, threads, seconds),
    }


def _timed(call: Callable[[int], object], threads: int, seconds: float) -> dict[str, float]:
    took: list[list[float]] = [[] for _ in range(threads)]
    ends = time.perf_counter() + seconds

    def work(number: int) -> None:
        while (began := time.perf_counter()) < ends:
            call(number)
            took[number].append(time.perf_counter() - began)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ms = np.concatenate([np.array(some) for some in took]) * 1000
    p50, p95, p99 = np.percentile(ms, [50, 95, 99])
    return {"per_s": len(ms) / seconds, "p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}


if __name__ == "__main__":
    main()
