-- Versions of originals that were removed because their album keeps only results: that is no deletion by a user, which
-- would erase the results, too. For each photo the newest version counts.
CREATE TABLE removed_original (
    photo_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album,
    generation bigint NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removed_original_album ON removed_original (album_id);

-- The end of an album for which it was erased.
CREATE TABLE album_end (
    album_id integer PRIMARY KEY REFERENCES album,
    ends_on date NOT NULL,
    enforced_at timestamptz NOT NULL DEFAULT now()
);
