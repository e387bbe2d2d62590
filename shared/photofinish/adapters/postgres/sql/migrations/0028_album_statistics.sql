-- Statistics of albums: counts of results by hour, camera, folder and code, that grow with the event log. Each photo counts
-- once, by its newest result: `counted_photo` has what it counts as, so that another result, or its erasure, takes it back.
CREATE TABLE album_statistics (
    album_id integer NOT NULL REFERENCES album,
    kind text NOT NULL CHECK (kind IN ('album', 'hour', 'camera', 'folder', 'code')),
    key text COLLATE "C" NOT NULL,
    done bigint NOT NULL,
    rejected bigint NOT NULL,
    failed bigint NOT NULL,
    faces bigint NOT NULL,
    bibs bigint NOT NULL,
    with_bib bigint NOT NULL,
    durations integer[] NOT NULL,  -- photos by the time from upload to result: domain/album_statistics.py has the bounds
    PRIMARY KEY (album_id, kind, key)
);
CREATE TABLE album_statistics_position (
    album_id integer PRIMARY KEY REFERENCES album,
    position bigint NOT NULL  -- of the event log, up to which results are counted
);
CREATE TABLE counted_photo (
    album_id integer NOT NULL REFERENCES album,
    photo_id uuid NOT NULL,
    generation bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('done', 'rejected', 'failed')),
    occurred_at timestamptz NOT NULL,
    folder text COLLATE "C" NOT NULL,
    camera text COLLATE "C" NOT NULL,
    code text COLLATE "C",
    faces integer NOT NULL,
    bibs integer NOT NULL,
    upload_to_result_s double precision,
    PRIMARY KEY (album_id, photo_id)
);
-- Dead letters of the last day, of all albums.
CREATE INDEX album_event_failed ON album_event (occurred_at) WHERE type = 'photo.failed';
