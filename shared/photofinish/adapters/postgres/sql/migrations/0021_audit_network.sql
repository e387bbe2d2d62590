-- Where a request came from, never the whole address; and failed authentications, whose caller is not known.

ALTER TABLE audit_entry
    ADD COLUMN network text COLLATE "C",
    DROP CONSTRAINT audit_entry_principal_check,
    ADD CHECK (principal IN ('key', 'user', 'none'));
