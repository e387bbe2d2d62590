-- Statements of adapters/postgres/budgets.py.

-- name: set
INSERT INTO album_budget (album_id, usd, revision) VALUES (%(album_id)s, %(usd)s, 1)
ON CONFLICT (album_id) DO UPDATE SET usd = excluded.usd, revision = album_budget.revision + 1
WHERE album_budget.usd IS DISTINCT FROM excluded.usd

-- name: get
SELECT name, usd, revision FROM album_budget JOIN album USING (album_id)
WHERE name = ANY (%(albums)s) AND usd IS NOT NULL
