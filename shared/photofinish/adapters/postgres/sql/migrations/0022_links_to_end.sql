-- Since when links to an album's previews must not work any more; null: none have to end, or all have.
ALTER TABLE album_policy ADD COLUMN links_to_end_since timestamptz;
