-- An event log of %(count)s events over %(albums)s albums of the last year, the first with a tenth of all events.
--
-- Of each photo three events (queued, a result, indexed), in every hundredth place one about a person. Cameras go by folders,
-- but for one photo in 20. One event in 100 is recorded hours after it happened.

-- name: partitions
DO $$
DECLARE
    month timestamptz := date_trunc('month', now() - interval '12 months', 'UTC');
BEGIN
    WHILE month < date_trunc('month', now(), 'UTC') LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF album_event FOR VALUES FROM (%L) TO (%L)',
            'album_event_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'),
            month, date_trunc('month', month + interval '32 days', 'UTC')
        );
        month := date_trunc('month', month + interval '32 days', 'UTC');
    END LOOP;
END $$

-- name: albums
INSERT INTO album (name) SELECT 'album-' || number FROM generate_series(1, %(albums)s) AS number ORDER BY number

-- name: events
-- The first album is of yesterday, over 12 hours; each other one of some day of the last year, over 8.
INSERT INTO album_event (
    position, recorded_at, event_id, type, album_id, occurred_at, is_late, photo_id, generation, person_ids, folder, camera, data
)
SELECT position, recorded_at, md5('event' || position)::uuid,
    CASE
        WHEN number %% 100 = 99 THEN (ARRAY['person.created', 'person.confirmed', 'person.merged'])[1 + number / 100 %% 3]
        WHEN number %% 3 = 0 THEN 'photo.queued'
        WHEN number %% 3 = 2 THEN 'face.indexed'
        WHEN photo %% 200 = 0 THEN 'photo.failed'
        WHEN photo %% 50 = 1 THEN 'photo.rejected'
        ELSE 'photo.done'
    END,
    album_id, occurred_at, occurred_at < recorded_at - interval '1 hour',
    CASE WHEN number %% 100 <> 99 THEN md5(album_id || 'photo' || photo)::uuid END,
    CASE WHEN number %% 100 <> 99 THEN 1 END,
    CASE WHEN number %% 100 = 99 THEN ARRAY[md5(album_id || 'person' || number / 100 %% 2000)::uuid] ELSE '{}' END,
    CASE WHEN number %% 100 <> 99 THEN 'cam' || photo %% 8 END,
    CASE WHEN number %% 100 <> 99 AND number %% 3 > 0
        THEN 'Camera ' || CASE WHEN photo %% 20 = 0 THEN photo / 20 %% 8 ELSE photo %% 8 END END,
    '{"faces": 3, "bibs": 2, "upload_to_result_s": 4.2}'
FROM (
    SELECT row_number() OVER (ORDER BY recorded_at) AS position, album_id, number, number / 3 AS photo, recorded_at, occurred_at
    FROM (
        SELECT album_id, number, occurred_at,
            occurred_at + CASE WHEN number %% 100 = 50 THEN 5 * interval '1 hour' ELSE random() * interval '1 minute' END AS recorded_at
        FROM (
            SELECT album_id, number,
                CASE WHEN album_id = 1 THEN now() - interval '30 hours' + number * (interval '12 hours' / greatest(%(largest)s, 1))
                    ELSE now() - (2 + album_id * 7 %% 350) * interval '1 day' + number * (interval '8 hours' / greatest(%(other)s, 1))
                END AS occurred_at
            FROM generate_series(1, %(albums)s) AS album_id
            CROSS JOIN LATERAL generate_series(0, CASE WHEN album_id = 1 THEN %(largest)s ELSE %(other)s END - 1) AS number
        ) AS happened
    ) AS recorded
) AS ordered
ORDER BY position

-- name: bibs
-- 5,000 numbers on two photos of three of the first album.
INSERT INTO bib (photo_id, bib_index, album_id, number, ocr_score)
SELECT md5('1photo' || photo)::uuid, 0, 1, (photo::bigint * 7919 %% 5000)::text, 0.9
FROM generate_series(0, %(largest)s / 3) AS photo WHERE photo %% 3 < 2

-- name: faces_of_people
INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h)
SELECT 1, md5('face' || photo)::uuid, md5('1person' || photo::bigint * 7919 %% 2000)::uuid, 'clustered', md5('1photo' || photo)::uuid,
    0.1, 0.1, 0.1, 0.1
FROM generate_series(0, %(largest)s / 3) AS photo
