-- Whether the policy of an album ever redacted faces: from then on no link to its previews in the bucket is given.
ALTER TABLE album_policy ADD COLUMN ever_redacted boolean NOT NULL DEFAULT false;
UPDATE album_policy SET ever_redacted = redact <> 'none';
