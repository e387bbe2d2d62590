-- Faces of one request are erased by one erasure.
ALTER TABLE erasure
    DROP CONSTRAINT erasure_kind_check,
    ADD CONSTRAINT erasure_kind_check CHECK (kind IN ('photo', 'face', 'faces', 'person', 'album')),
    ADD COLUMN face_ids uuid[] NOT NULL DEFAULT '{}';

-- Versions of objects that are removed for an unfinished erasure, by the process that carries it out or by a task that had
-- written them late. They are counted from here, so a version that two of them find counts once; when the erasure is
-- finished, its counts stay and these rows go.
CREATE TABLE erasure_object (
    erasure_id uuid NOT NULL REFERENCES erasure,
    bucket text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    PRIMARY KEY (erasure_id, bucket, name, generation)
);
