-- What an album knows of its bib numbers. An album without a row has the usual rules (domain/bib_rules.py).
CREATE TABLE album_rules (
    album_id integer PRIMARY KEY REFERENCES album,
    min_digits smallint NOT NULL CHECK (min_digits >= 1),
    max_digits smallint NOT NULL CHECK (max_digits >= min_digits),
    prefixes text[] COLLATE "C" NOT NULL,
    edits jsonb NOT NULL,  -- character read → the digit it stands for
    has_start_list boolean NOT NULL,  -- whose numbers are in `entrant`
    changed_at timestamptz NOT NULL DEFAULT now()
);
