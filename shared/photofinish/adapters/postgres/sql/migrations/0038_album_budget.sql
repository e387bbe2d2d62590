-- What an album may cost. Its revision tells events of one budget from those of the next.
CREATE TABLE album_budget (
    album_id integer PRIMARY KEY REFERENCES album,
    usd double precision CHECK (usd > 0),  -- null: there is none any more
    revision integer NOT NULL
);
