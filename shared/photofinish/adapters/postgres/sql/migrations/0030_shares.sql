-- Album cards, share links, sessions of pages, and what visitors say about faces that a search found.
CREATE TABLE album_card (
    album_id integer PRIMARY KEY REFERENCES album,
    title text,
    held_on date,
    watermark text,
    downloads text NOT NULL CHECK (downloads IN ('none', 'web', 'original')),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Of a token only its SHA-256 is stored, of a PIN its salt and scrypt hash.
CREATE TABLE share (
    share_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    album_id integer NOT NULL REFERENCES album,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    label text,
    may text NOT NULL CHECK (may IN ('find', 'browse')),
    downloads text NOT NULL CHECK (downloads IN ('none', 'web', 'original')),
    pin bytea CHECK (length(pin) = 48),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX share_of_album ON share (album_id, created_at);
CREATE INDEX share_expires_at ON share (expires_at);

CREATE TABLE page_session (
    token_sha256 bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    kind text NOT NULL CHECK (kind IN ('key', 'user', 'share')),
    principal_id text COLLATE "C" NOT NULL,
    share_id uuid REFERENCES share ON DELETE CASCADE,
    scope text COLLATE "C" CHECK (scope IN ('search', 'write', 'admin')),
    granted_albums text[] COLLATE "C",
    is_anonymous boolean NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CHECK ((kind = 'share') = (share_id IS NOT NULL))
);
CREATE INDEX page_session_expires_at ON page_session (expires_at);
CREATE INDEX page_session_of_share ON page_session (share_id);

-- One opinion of each caller on each face.
CREATE TABLE find_me_feedback (
    album_id integer NOT NULL REFERENCES album,
    face_id uuid NOT NULL,
    caller bytea NOT NULL,  -- keyed hash
    photo_id uuid NOT NULL,
    is_me boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (album_id, face_id, caller)
);
CREATE INDEX find_me_feedback_of_photo ON find_me_feedback (album_id, photo_id);

ALTER TABLE audit_entry
    DROP CONSTRAINT audit_entry_principal_check,
    ADD CHECK (principal IN ('key', 'user', 'share', 'none'));
