-- Collections of the Rekognition API. A collection is an album; most albums have no row here, since they began with a
-- dropped photo.
CREATE TABLE collection (
    album_id integer PRIMARY KEY REFERENCES album ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    tags jsonb NOT NULL DEFAULT '{}'
);

-- Which picture a face came with, of the pictures that came through the API; the pictures themselves are not kept. No
-- foreign key to face: a row is there before its face is, and a row without a face says nothing.
CREATE TABLE collection_face (
    face_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    image_id uuid NOT NULL,
    external_image_id text COLLATE "C"
);
CREATE INDEX collection_face_image ON collection_face (album_id, image_id);

-- Answers to requests whose sender may repeat them under the same ClientRequestToken, kept for a day.
CREATE TABLE client_request (
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    token text COLLATE "C" NOT NULL,
    request_sha256 bytea NOT NULL,
    answer jsonb NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (album_id, token)
);
CREATE INDEX client_request_answered_at ON client_request (answered_at);
