-- How many different queries of one caller found a face: many of them would show its template.

-- Everything is a keyed hash: of caller, album and face, and of the query. Unlogged, like rates.
CREATE UNLOGGED TABLE found_face (
    face bytea PRIMARY KEY,
    queries bytea[] NOT NULL,  -- the latest
    count integer NOT NULL DEFAULT 1,
    is_new boolean NOT NULL DEFAULT true,  -- whether the last query was none of `queries` before
    expires_at timestamptz NOT NULL DEFAULT now() + interval '1 day'
);
CREATE INDEX found_face_expires_at ON found_face (expires_at);
