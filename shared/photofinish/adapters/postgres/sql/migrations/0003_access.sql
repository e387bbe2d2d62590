-- Who may search, how often, and what they did.

CREATE TABLE api_key (
    key_id text COLLATE "C" PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    label text NOT NULL,
    scope text COLLATE "C" NOT NULL CHECK (scope IN ('search', 'write', 'admin')),
    albums text[] COLLATE "C",  -- null: all
    rate_per_s double precision CHECK (rate_per_s > 0),
    burst integer CHECK (burst >= 1),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CHECK ((rate_per_s IS NULL) = (burst IS NULL))
);

-- By name, not by album_id: an album may be opened before its first photo was analysed.
CREATE TABLE album_access (
    album text COLLATE "C" PRIMARY KEY,
    users_may_search boolean NOT NULL
);

-- The generic cell rate algorithm needs one time for each who is limited: when their bucket would be full again.
-- Unlogged: nothing waits for the disk, and a crash of the server forgives what was used up.
CREATE UNLOGGED TABLE rate_window (
    bucket text COLLATE "C" PRIMARY KEY,
    full_at timestamptz NOT NULL
) WITH (fillfactor = 50);  -- room for updates in place, which an index on full_at would not allow

-- Signed requests that were accepted, while their time stamps would still be taken.
CREATE UNLOGGED TABLE seen_signature (
    signature bytea NOT NULL,
    request_nonce bytea NOT NULL,  -- tells apart equal requests that were signed within one second
    seen_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (signature, request_nonce)
);
CREATE INDEX seen_signature_expires_at ON seen_signature (expires_at);

CREATE TABLE audit_entry (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    principal text COLLATE "C" NOT NULL CHECK (principal IN ('key', 'user')),
    principal_id text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    album text COLLATE "C",
    target text COLLATE "C",
    outcome text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    count integer
);
CREATE INDEX audit_entry_at ON audit_entry (at);
CREATE INDEX audit_entry_album_at ON audit_entry (album, at);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('photofinish.expiring_audit', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit entries are never changed, and deleted only by expire_audit_entries()';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- The only way to delete entries; returns how many were deleted.
CREATE FUNCTION expire_audit_entries(older_than timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    deleted bigint;
BEGIN
    PERFORM set_config('photofinish.expiring_audit', 'on', true);
    DELETE FROM audit_entry WHERE at < older_than;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('photofinish.expiring_audit', 'off', true);
    RETURN deleted;
END
$$;
