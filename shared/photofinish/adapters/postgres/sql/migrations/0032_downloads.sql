-- Downloads of several photos as one ZIP, until they expire. `photo_ids` lets erasures remove those that contain what is
-- erased, without the right to read the rest.
CREATE TABLE download (
    download_id uuid PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE,
    album_id integer NOT NULL REFERENCES album,
    photo_ids uuid[] NOT NULL,
    principal text NOT NULL,
    principal_id text NOT NULL,
    is_organiser boolean NOT NULL,
    size text NOT NULL CHECK (size IN ('original', 'web')),
    with_metadata boolean NOT NULL,
    photos jsonb NOT NULL,  -- in the order of the archive
    crc32s jsonb NOT NULL DEFAULT '{}',  -- by position in `photos`; known after the file was read once
    missing integer[] NOT NULL DEFAULT '{}',  -- positions of photos that could not be read any more
    expires_at timestamptz NOT NULL
);
CREATE INDEX download_of_album ON download (album_id);
CREATE INDEX download_expires_at ON download (expires_at);
