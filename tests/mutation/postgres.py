"""A Postgres with a migrated template, until the standard input is closed."""

from __future__ import annotations

import sys

from support.postgres import migrated_template, postgres_server

if __name__ == "__main__":
    print(postgres_server(), flush=True)
    print(migrated_template(), flush=True)
    sys.stdin.read()
