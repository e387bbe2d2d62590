-- Statements of adapters/postgres/albums.py. %(name)s is a parameter.

-- name: find_album
SELECT album_id FROM album WHERE name = %(album)s

-- name: use_album
INSERT INTO album (name) VALUES (%(album)s) ON CONFLICT (name) DO NOTHING

-- name: summaries
-- Counts for one page only; photos and bibs have an index by album, faces a partition. A removed photo has a row without a
-- size.
SELECT page.name,
    (SELECT count(*) FROM photo WHERE photo.album_id = page.album_id AND width IS NOT NULL),
    (SELECT count(*) FROM face WHERE face.album_id = page.album_id),
    (SELECT count(*) FROM bib WHERE bib.album_id = page.album_id)
FROM (
    SELECT album_id, name FROM album
    WHERE (%(names)s::text[] IS NULL OR name = ANY(%(names)s)) AND (%(after)s::text IS NULL OR name > %(after)s)
        AND EXISTS (SELECT FROM photo WHERE photo.album_id = album.album_id AND pipeline_version IS NOT NULL)
    ORDER BY name
    LIMIT %(limit)s
) AS page
ORDER BY page.name
