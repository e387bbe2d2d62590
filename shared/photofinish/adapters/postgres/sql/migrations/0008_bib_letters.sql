-- Where the bibs of an album have letters: none, before, after, both (domain/bib_rules.py).
ALTER TABLE album_rules ADD COLUMN letters text NOT NULL DEFAULT 'none';
