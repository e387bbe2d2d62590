-- Uploads that clients announce together. What became of a file is in album_event alone.
CREATE TABLE upload_batch (
    batch_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    album_id integer NOT NULL REFERENCES album,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'completed', 'cancelled', 'expired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX upload_batch_of_album ON upload_batch (album_id);
CREATE INDEX upload_batch_open ON upload_batch (expires_at) WHERE state = 'open';
CREATE INDEX upload_batch_ended ON upload_batch (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE batch_file (
    batch_id uuid NOT NULL REFERENCES upload_batch ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    album_id integer NOT NULL REFERENCES album,
    photo_id uuid NOT NULL,
    size_bytes bigint NOT NULL,
    content_type text NOT NULL,
    crc32c text,
    generation bigint,  -- of the object that came; null: none has
    PRIMARY KEY (batch_id, name)
);
CREATE INDEX batch_file_of_photo ON batch_file (photo_id);
CREATE INDEX batch_file_of_album ON batch_file (album_id);
