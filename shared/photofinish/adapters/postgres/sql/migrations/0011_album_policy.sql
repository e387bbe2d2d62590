-- What an album may do with faces, and for how long. An album without a row has the default (domain/album_policy.py).
CREATE TABLE album_policy (
    album_id integer PRIMARY KEY REFERENCES album,
    legal_basis text NOT NULL CHECK (legal_basis IN ('undeclared', 'consent', 'contract', 'legitimate_interest')),
    indexing text NOT NULL CHECK (indexing IN ('everyone', 'opt_out', 'enrolled_only')),
    redact text NOT NULL CHECK (redact IN ('none', 'everyone', 'without_consent')),
    redaction_style text NOT NULL CHECK (redaction_style IN ('blur', 'pixelate', 'solid')),
    keep_originals boolean NOT NULL,
    purpose text NOT NULL,
    ends_on date,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX album_policy_ends_on ON album_policy (ends_on) WHERE ends_on IS NOT NULL;
