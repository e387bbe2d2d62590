-- What words of a description are looked up by in the text of photos. Words that differ by one letter share a form with a
-- letter left out (symmetric deletes), so that one array index finds words as they are and words read or typed wrong. pg_trgm
-- would do the latter less exactly, and the local cloud's Postgres comes without it. domain/word_matching.py does the same.
CREATE FUNCTION spellings(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT form), '{}')
    FROM regexp_split_to_table(words, '\s+') AS word
    CROSS JOIN LATERAL (
        SELECT word AS form
        UNION ALL
        SELECT overlay(word PLACING '' FROM at FOR 1)
        FROM generate_series(1, char_length(word)) AS at
        WHERE char_length(word) BETWEEN 4 AND 20 AND word !~ '[[:digit:]]'
    ) AS forms
    WHERE char_length(word) BETWEEN 1 AND 200
$$;
CREATE INDEX photo_spellings ON photo USING gin (spellings(words)) WHERE words <> '';
