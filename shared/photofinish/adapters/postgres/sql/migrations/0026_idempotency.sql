-- Answers to requests with an Idempotency-Key: a repeated request gets the same. `album` and `content` let erasures remove
-- those that name what is erased.
CREATE TABLE kept_answer (
    request bytea PRIMARY KEY,  -- SHA-256 of the caller, the method, the path and the key
    body_sha256 bytea NOT NULL,
    claim_id uuid NOT NULL DEFAULT gen_random_uuid(),  -- of the request that is answered, or was
    album text COLLATE "C",
    claimed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    status smallint,  -- null: in progress
    headers jsonb,
    content text
);
CREATE INDEX kept_answer_expires_at ON kept_answer (expires_at);
CREATE INDEX kept_answer_of_album ON kept_answer (album);
