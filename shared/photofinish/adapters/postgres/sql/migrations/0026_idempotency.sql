-- Answers to requests with an Idempotency-Key: a repeated request gets the same. `album` and `ids` let erasures remove those
-- that name what is erased, without the right to read them.
CREATE TABLE kept_answer (
    request bytea PRIMARY KEY,  -- SHA-256 of the caller, the method, the path and the key
    body_sha256 bytea NOT NULL,
    claim_id uuid NOT NULL DEFAULT gen_random_uuid(),  -- of the request that is answered, or was
    album text COLLATE "C",
    claimed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    status smallint,  -- null: in progress
    headers jsonb,
    content text,
    ids text[] NOT NULL DEFAULT '{}'  -- every id in content
);
CREATE INDEX kept_answer_expires_at ON kept_answer (expires_at);
CREATE INDEX kept_answer_of_album ON kept_answer (album);
