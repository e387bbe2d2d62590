-- Statements of adapters/postgres/camera_clocks.py; face_index.sql explains %(name)s and {name}.

-- name: cameras
SELECT camera, count(photo_id), min(taken_at), max(taken_at), coalesce(max(camera_shift.shift), interval '0')
FROM (SELECT * FROM photo WHERE album_id = %(album_id)s AND width IS NOT NULL AND camera IS NOT NULL) AS photo
FULL JOIN (SELECT * FROM camera_shift WHERE album_id = %(album_id)s) AS camera_shift USING (camera)
GROUP BY camera
ORDER BY camera COLLATE "C"

-- name: lock_shifts
-- Those who index photos hold it shared, so that no photo keeps an earlier shift. The first number is arbitrary.
SELECT pg_advisory_xact_lock(1733842, %(album_id)s)

-- name: delete_shifts
DELETE FROM camera_shift WHERE album_id = %(album_id)s

-- name: insert_shifts
INSERT INTO camera_shift (album_id, camera, shift)
SELECT %(album_id)s, * FROM unnest(%(cameras)s::text[], %(shifts)s::interval[])

-- name: correct_photos
UPDATE photo SET corrected_at = corrected.at
FROM (
    SELECT photo_id, taken_at + coalesce(shift, interval '0') AS at
    FROM photo LEFT JOIN camera_shift USING (album_id, camera)
    WHERE album_id = %(album_id)s AND taken_at IS NOT NULL
) AS corrected
WHERE photo.photo_id = corrected.photo_id AND photo.corrected_at IS DISTINCT FROM corrected.at

-- name: sightings
SELECT camera, 'bib ' || number, taken_at
FROM bib JOIN photo USING (photo_id)
WHERE photo.album_id = %(album_id)s AND NOT partial AND taken_at IS NOT NULL AND camera IS NOT NULL
UNION
SELECT camera, 'person ' || person_id, taken_at
FROM person_face JOIN photo USING (photo_id)
WHERE photo.album_id = %(album_id)s AND taken_at IS NOT NULL AND camera IS NOT NULL
ORDER BY 1, 2, 3
LIMIT %(limit)s
