-- What analysis tasks spent on albums. A task reports its totals since it began again and again, so that a report that comes
-- twice, or late, changes nothing; each run of a task's program has an id of its own, because a task that died is started again
-- under the same name. Rows stay when an album is erased: the money is spent.
CREATE TABLE task_time (
    run_id uuid NOT NULL,
    album_id integer NOT NULL REFERENCES album,
    processor text NOT NULL CHECK (processor IN ('l4', 'cpu')),
    seconds double precision NOT NULL CHECK (seconds >= 0),
    photos integer NOT NULL CHECK (photos >= 0),
    reported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (album_id, run_id)
);
