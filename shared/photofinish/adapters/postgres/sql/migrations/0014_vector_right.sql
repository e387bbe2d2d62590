-- Whether a key may send and receive embeddings as numbers: templates can be probed with chosen vectors.

ALTER TABLE api_key ADD COLUMN may_use_vectors boolean NOT NULL DEFAULT false;
