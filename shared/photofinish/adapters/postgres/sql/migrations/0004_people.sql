-- People of an album: enrolled by their pictures, made as users of the Rekognition API, or found as clusters of faces.
-- A cluster is a person without a name. What is biometric here are the embeddings of person_embedding alone; they go
-- with their person.
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    name text,
    user_id text COLLATE "C",  -- of the Rekognition API
    found boolean NOT NULL DEFAULT false,  -- by clustering: goes with its faces, unless somebody gave it more
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (album_id, user_id)
);
CREATE INDEX person_album_name ON person (album_id, lower(name));

-- Which face of the album is whose: one person's, or nobody's yet. No foreign key to face: a photo that is analysed
-- again loses and gets back its faces, and what people said of them must outlive that. Where a face is gone, the photo
-- and the box tell which face of a new analysis takes its place.
CREATE TABLE person_face (
    album_id integer NOT NULL,
    face_id uuid NOT NULL,
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    source text NOT NULL CHECK (source IN ('confirmed', 'kept', 'clustered')),
    photo_id uuid NOT NULL,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    PRIMARY KEY (album_id, face_id)
);
CREATE INDEX person_face_person ON person_face (person_id);

-- Faces that somebody said are not this person's.
CREATE TABLE person_rejection (
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    face_id uuid NOT NULL,
    photo_id uuid NOT NULL,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    PRIMARY KEY (person_id, face_id)
);
CREATE INDEX person_rejection_face ON person_rejection (face_id);

-- What somebody said of a bib number: it is this person's, or it is not.
CREATE TABLE person_number (
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    number text COLLATE "C" NOT NULL,
    confirmed boolean NOT NULL,
    PRIMARY KEY (person_id, number)
);
CREATE INDEX person_number_number ON person_number (number);

-- For the numbers that were read on a person's faces.
CREATE INDEX bib_face ON bib (face_id) WHERE face_id IS NOT NULL;

-- One picture that was, or is to be, uploaded to enrol somebody. The picture itself is never kept.
CREATE TABLE enrolment (
    upload_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    status text NOT NULL CHECK (status IN ('waiting', 'accepted', 'refused')),
    code text,
    message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL  -- of the signed address
);
CREATE INDEX enrolment_person ON enrolment (person_id);

-- The face of an enrolment picture. One that does not fit the person's others is kept, and left out, until no upload is
-- awaited any more: later pictures may show that it was right.
CREATE TABLE person_embedding (
    upload_id uuid PRIMARY KEY REFERENCES enrolment ON DELETE CASCADE,
    space_id smallint NOT NULL REFERENCES embedding_space,
    quality real NOT NULL,
    embedding halfvec NOT NULL
);

-- Every change that somebody made, with the rows before and after it, so that it can be taken back. Nothing biometric.
-- Deleting a person empties `changes` of the operations that touched it: they cannot be taken back any more.
CREATE TABLE people_operation (
    operation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    kind text NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now(),
    done_by text NOT NULL,
    person_ids uuid[] NOT NULL,
    changes jsonb,
    undoes bigint REFERENCES people_operation ON DELETE SET NULL,
    undone_by bigint REFERENCES people_operation ON DELETE SET NULL
);
CREATE INDEX people_operation_album ON people_operation (album_id, operation_id);

-- Where an album's clustering stands: what was asked for and what was done, and how sure its similarities are.
CREATE TABLE album_clustering (
    album_id integer PRIMARY KEY REFERENCES album ON DELETE CASCADE,
    requested bigint NOT NULL DEFAULT 0,  -- grows with every photo that reached a result
    handled bigint NOT NULL DEFAULT 0,  -- `requested` when the last finished run began
    people_changes bigint NOT NULL DEFAULT 0,  -- grows with every change that somebody makes
    ran_at timestamptz,
    full_at timestamptz,
    faces integer,
    summary jsonb
);

-- People whose document in Firestore is to be written anew, or removed where the person is gone.
CREATE TABLE person_projection (
    person_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    revision bigint NOT NULL DEFAULT 1
);
CREATE INDEX person_projection_album ON person_projection (album_id);
