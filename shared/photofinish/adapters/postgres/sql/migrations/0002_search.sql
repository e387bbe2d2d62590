-- What a search filters and scores photos by.
ALTER TABLE photo
    ADD COLUMN taken_at timestamp,  -- the camera's own clock: most cameras record no zone
    ADD COLUMN camera text,
    ADD COLUMN folder text COLLATE "C" NOT NULL DEFAULT '',  -- of the object's name, below the album, no slash around
    ADD COLUMN lines text[] NOT NULL DEFAULT '{}',  -- the text as read, line by line
    ADD COLUMN words text NOT NULL DEFAULT '',  -- the same to search in: lower case, no accents, one line each
    ADD COLUMN sharpness real,
    ADD COLUMN width integer,  -- pixels of the upright photo; null, like what is above, where nothing was ever indexed
    ADD COLUMN height integer;

UPDATE photo
SET folder = trim(BOTH '/' FROM substring(below.path FROM '(.*)/'))
FROM (
    SELECT photo_id,
        CASE WHEN starts_with(photo.name, album.name || '/') THEN substr(photo.name, length(album.name) + 2)
             ELSE photo.name END AS path
    FROM photo JOIN album USING (album_id)
) AS below
WHERE below.photo_id = photo.photo_id AND below.path LIKE '%/%';

-- For time windows, and for whether an album has photos at all.
DROP INDEX photo_indexed_album;
CREATE INDEX photo_album_time ON photo (album_id, taken_at) WHERE pipeline_version IS NOT NULL;

ALTER TABLE bib ADD COLUMN partial boolean NOT NULL DEFAULT false;

-- Other numbers of the start list that a bib may show, with the ocr_score that the bib would have as this number.
CREATE TABLE bib_candidate (
    photo_id uuid NOT NULL,
    bib_index smallint NOT NULL,
    album_id integer NOT NULL,
    number text COLLATE "C" NOT NULL,
    ocr_score real NOT NULL,
    PRIMARY KEY (photo_id, bib_index, number),
    FOREIGN KEY (photo_id, bib_index) REFERENCES bib ON DELETE CASCADE
);
CREATE INDEX bib_candidate_album_number ON bib_candidate (album_id, number);

-- The start list. The generated column is what names are searched in: lower case and without accents.
CREATE TABLE entrant (
    album_id integer NOT NULL REFERENCES album,
    number text COLLATE "C" NOT NULL,
    name text NOT NULL,
    words text NOT NULL
        GENERATED ALWAYS AS (lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g'))) STORED,
    PRIMARY KEY (album_id, number)
);

-- A partition holds one album, so its number in the key only made the index larger.
ALTER TABLE face DROP CONSTRAINT face_pkey;
CREATE INDEX face_face_id ON face (face_id);
