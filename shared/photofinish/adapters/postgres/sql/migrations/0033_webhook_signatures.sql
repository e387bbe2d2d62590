-- How the messages to a webhook are signed: `v1` with a shared secret, `v1a` with a key pair.
ALTER TABLE webhook ADD COLUMN signature text NOT NULL DEFAULT 'v1' CHECK (signature IN ('v1', 'v1a'));
