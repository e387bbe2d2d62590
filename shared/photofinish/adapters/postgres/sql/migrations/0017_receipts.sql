-- Receipts of erasures: signed, without personal data, never changed or deleted.

CREATE TABLE receipt_key (
    key_id text COLLATE "C" PRIMARY KEY,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),  -- Ed25519
    first_used_at timestamptz NOT NULL DEFAULT statement_timestamp()
);

CREATE TABLE erasure_receipt (
    erasure_id text COLLATE "C" PRIMARY KEY,
    key_id text COLLATE "C" NOT NULL REFERENCES receipt_key,
    document bytea NOT NULL,  -- exactly the bytes that domain/receipt.py makes and reads
    issued_at timestamptz NOT NULL DEFAULT statement_timestamp()
);

CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts and their keys are never changed or deleted';
END
$$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON erasure_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON erasure_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON receipt_key
    FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON receipt_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_receipt_change();
