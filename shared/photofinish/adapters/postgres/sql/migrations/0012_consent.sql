-- What people said about purposes. Only added to: a withdrawal is a row of its own. Merging two people moves the rows of
-- one; deleting a person deletes theirs.
CREATE TABLE consent_record (
    consent_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    action text NOT NULL CHECK (action IN ('given', 'withdrawn')),
    purpose text NOT NULL,
    at timestamptz NOT NULL,
    method text NOT NULL,
    text_version text NOT NULL,
    is_minor boolean NOT NULL,
    guardian text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    recorded_by text NOT NULL,
    UNIQUE (person_id, purpose, at, action)
);

-- The suppression list. Its templates are biometric data of people who want none to be kept, so no user but the owner may
-- read them (adapters/postgres/granting.py): the functions below answer questions about faces.
CREATE TABLE opt_out (
    opt_out_id uuid PRIMARY KEY,
    album_id integer REFERENCES album,  -- null: all albums
    person_id uuid REFERENCES person ON DELETE SET NULL,  -- of a withdrawal
    source text NOT NULL CHECK (source IN ('selfie', 'withdrawal')),
    templates smallint NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    added_by text NOT NULL,
    applied_at timestamptz  -- when the faces that were indexed before were gone
);
CREATE INDEX opt_out_album ON opt_out (album_id);
CREATE INDEX opt_out_person ON opt_out (person_id);
CREATE INDEX opt_out_not_applied ON opt_out (added_at) WHERE applied_at IS NULL;

CREATE TABLE suppression_template (
    opt_out_id uuid NOT NULL REFERENCES opt_out ON DELETE CASCADE,
    space_id smallint NOT NULL REFERENCES embedding_space,
    min_similarity real NOT NULL,
    embedding halfvec NOT NULL
);
CREATE INDEX suppression_template_opt_out ON suppression_template (opt_out_id);

-- For each of `faces`, embeddings of one space, whether a person who opted out of the album (or of all) is on it. The
-- threshold is the entry's: a caller who could choose it could find a template out by asking.
CREATE FUNCTION suppressed_faces(album integer, space smallint, faces halfvec[]) RETURNS boolean[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(EXISTS (
        SELECT FROM opt_out
        JOIN suppression_template AS template USING (opt_out_id)
        WHERE (opt_out.album_id = album OR opt_out.album_id IS NULL) AND template.space_id = space
            AND 1 - (template.embedding <=> face.embedding) >= template.min_similarity
    ) ORDER BY face.number), '{}')
    FROM unnest(faces) WITH ORDINALITY AS face (embedding, number)
$$;

-- The indexed faces of an album that an entry refuses. The album's number stands in the statement, so that only its
-- partition is planned.
CREATE FUNCTION indexed_suppressed_faces(opt_out uuid, album integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT DISTINCT face.face_id FROM face JOIN suppression_template AS template USING (space_id) '
        'WHERE face.album_id = %s AND template.opt_out_id = $1 '
        'AND 1 - (template.embedding <=> face.embedding) >= template.min_similarity', album
    ) USING opt_out;
END $$;

-- Faces that may not be indexed. Their place on the photo is all that is kept of them.
CREATE TABLE withheld_face (
    photo_id uuid NOT NULL REFERENCES photo ON DELETE CASCADE,
    face_number smallint NOT NULL,  -- among all faces found on the photo
    album_id integer NOT NULL REFERENCES album,
    box_x real NOT NULL,
    box_y real NOT NULL,
    box_w real NOT NULL,
    box_h real NOT NULL,
    PRIMARY KEY (photo_id, face_number)
);
CREATE INDEX withheld_face_album ON withheld_face (album_id);
