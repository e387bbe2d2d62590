-- What was erased, as far as it must be known so that nothing brings it back (domain/erasure.py). Nothing in these tables
-- tells who is on a photo.
CREATE TABLE erasure (
    erasure_id uuid PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('photo', 'face', 'person', 'album')),
    album text COLLATE "C" NOT NULL,  -- by name: an album may be erased that has documents only
    target_id text COLLATE "C" NOT NULL,
    generation bigint,  -- of a photo
    with_originals boolean NOT NULL,
    with_faces boolean NOT NULL,
    reason text COLLATE "C" NOT NULL,
    object_name text,  -- of the original that is to be deleted; null once the erasure is finished
    removed jsonb NOT NULL DEFAULT '{}',  -- store → what → how many
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX erasure_target ON erasure (kind, album, target_id);
CREATE INDEX erasure_unfinished ON erasure (started_at) WHERE finished_at IS NULL;

-- Nothing of this generation of the photo, or an older one, is stored again.
CREATE TABLE erased_photo (
    erasure_id uuid NOT NULL REFERENCES erasure,
    photo_id uuid NOT NULL,
    generation bigint NOT NULL,
    PRIMARY KEY (photo_id, erasure_id)
);
CREATE INDEX erased_photo_erasure ON erased_photo (erasure_id);

-- No face at this place in this generation of the photo is stored again, and no number in one of the boxes `bibs`.
CREATE TABLE erased_face (
    erasure_id uuid NOT NULL REFERENCES erasure,
    face_id uuid NOT NULL,
    photo_id uuid NOT NULL,
    generation bigint NOT NULL,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    bibs jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (photo_id, face_id, erasure_id)
);
CREATE INDEX erased_face_erasure ON erased_face (erasure_id);
