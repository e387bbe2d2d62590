-- Statements of adapters/postgres/task_times.py.

-- name: report
INSERT INTO task_time (run_id, album_id, processor, seconds, photos)
VALUES (%(run_id)s, %(album_id)s, %(processor)s, %(seconds)s, %(photos)s)
ON CONFLICT (album_id, run_id) DO UPDATE SET
    seconds = excluded.seconds, photos = excluded.photos, reported_at = excluded.reported_at
WHERE excluded.seconds > task_time.seconds OR excluded.photos > task_time.photos

-- name: of_album
SELECT processor, sum(seconds), sum(photos)::bigint FROM task_time WHERE album_id = %(album_id)s
GROUP BY processor ORDER BY processor
