-- Statements of adapters/postgres/audit_reading.py.

-- name: limit_wait
-- While it waits for the lock, inserts wait, too. After this it gives up, and the run is repeated.
SET LOCAL lock_timeout = '2s'

-- name: await_inserts
-- An entry gets its number before it is committed, so a lower number may appear after a higher one. An insert draws its
-- number under a lock that conflicts with this one: once this is granted, no number that was drawn is still to appear.
-- Inserts wait as long as those that are running take, once an hour; the lock ends with the transaction, right after.
LOCK TABLE audit_entry IN SHARE MODE

-- name: newest
SELECT coalesce(max(entry_id), 0) FROM audit_entry

-- name: entries_between
SELECT entry_id, at, principal, principal_id, action, album, target, outcome, request_id, count, network
FROM audit_entry
WHERE entry_id > %(after)s AND entry_id <= %(upto)s
ORDER BY entry_id
LIMIT %(limit)s
