CREATE EXTENSION IF NOT EXISTS vector;

-- Names only stand here. Everything else, names of partitions and indexes too, uses album_id, so that no album's name
-- ever becomes part of a statement.
CREATE TABLE album (
    album_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);

-- Which model and version an embedding comes from. Embeddings of two spaces are never compared.
CREATE TABLE embedding_space (
    space_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    dimension smallint NOT NULL CHECK (dimension BETWEEN 1 AND 4000)  -- 4000: what HNSW indexes of halfvec
);

-- One row per object, whatever its generation. A removed photo keeps its row: a late commit of an older generation
-- must still find the newer one here.
CREATE TABLE photo (
    photo_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album,
    bucket text NOT NULL,
    name text NOT NULL,
    generation bigint NOT NULL,
    pipeline_version text  -- of what was last indexed; null where nothing ever was, but a removal came
);
CREATE INDEX photo_indexed_album ON photo (album_id) WHERE pipeline_version IS NOT NULL;

-- One partition per album (face_<album_id>), made when the album is first used, so that one album's index does not
-- spoil another's recall, and erasing an album drops a table. The dimension belongs to the space, so the column has
-- none: each partition gets one partial HNSW index per space (face_<album_id>_space_<space_id>) over
-- embedding::halfvec(dimension). No foreign key to photo: cloning one for a new partition would lock all photos.
CREATE TABLE face (
    album_id integer NOT NULL,
    face_id uuid NOT NULL,
    photo_id uuid NOT NULL,
    space_id smallint NOT NULL,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    detection_score real NOT NULL,
    sharpness real NOT NULL,
    quality real NOT NULL,
    embedding halfvec NOT NULL,
    PRIMARY KEY (album_id, face_id)
) PARTITION BY LIST (album_id);
CREATE INDEX face_photo ON face (photo_id);

CREATE TABLE bib (
    photo_id uuid NOT NULL REFERENCES photo ON DELETE CASCADE,
    bib_index smallint NOT NULL,
    album_id integer NOT NULL REFERENCES album,
    number text COLLATE "C" NOT NULL,
    ocr_score real NOT NULL,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    face_id uuid,
    PRIMARY KEY (photo_id, bib_index)
);
CREATE INDEX bib_album_number ON bib (album_id, number);
