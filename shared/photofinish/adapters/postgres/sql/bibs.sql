-- Statements of adapters/postgres/bibs/. %(name)s is a parameter.

-- name: lock_photos
SELECT bucket, name, generation, pipeline_version, bibs_read, bib_rules, bibs_revision FROM photo
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[]) AND width IS NOT NULL
ORDER BY photo_id
FOR UPDATE

-- name: has_photo
SELECT EXISTS (SELECT FROM photo WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s)

-- name: faces
SELECT face_id, box_x, box_y, box_w, box_h, box_at_s FROM face
WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s

-- name: active_corrections
SELECT photo_id, generation, correction FROM bib_operation
WHERE photo_id = ANY (%(photo_ids)s) AND is_active
ORDER BY operation_id

-- name: set_bibs_read
UPDATE photo
SET bibs_read = given.bibs, bib_rules = %(rules)s,
    bibs_revision = greatest(bibs_revision + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM unnest(%(photo_ids)s::uuid[], %(read)s::jsonb[]) AS given (photo_id, bibs)
WHERE photo.photo_id = given.photo_id
RETURNING photo.photo_id, bibs_revision

-- name: set_rules
UPDATE photo SET bib_rules = %(rules)s WHERE photo_id = ANY (%(photo_ids)s::uuid[])

-- name: delete_bibs
DELETE FROM bib WHERE photo_id = ANY (%(photo_ids)s::uuid[])

-- name: insert_bib
INSERT INTO bib (
    photo_id, bib_index, album_id, number, ocr_score, partial, box_x, box_y, box_w, box_h, box_at_s, face_id, by_hand
) VALUES (
    %(photo_id)s, %(bib_index)s, %(album_id)s, %(number)s, %(ocr_score)s, %(partial)s,
    %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s, %(box_at_s)s, %(face_id)s, %(by_hand)s
)

-- name: insert_bib_candidate
INSERT INTO bib_candidate (photo_id, bib_index, album_id, number, ocr_score)
VALUES (%(photo_id)s, %(bib_index)s, %(album_id)s, %(number)s, %(ocr_score)s)

-- name: mark_photos_outdated
INSERT INTO bib_projection (photo_id, album_id, revision)
SELECT photo_id, %(album_id)s, revision FROM unnest(%(photo_ids)s::uuid[], %(revisions)s::bigint[]) AS given (photo_id, revision)
ON CONFLICT (photo_id) DO UPDATE SET revision = excluded.revision

-- name: people_concerned
-- People with a face on these photos; those who share one of the numbers, since it may contradict theirs.
SELECT person_id FROM person_face WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[])
UNION
SELECT person_face.person_id
FROM bib
JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = bib.face_id
WHERE bib.album_id = %(album_id)s AND bib.number = ANY (%(numbers)s)
UNION
SELECT person_id FROM person_number JOIN person USING (person_id)
WHERE person.album_id = %(album_id)s AND person_number.number = ANY (%(numbers)s) AND confirmed

-- name: record_operation
INSERT INTO bib_operation (album_id, photo_id, generation, kind, correction, corrects, is_active, done_by, undoes)
VALUES (
    %(album_id)s, %(photo_id)s, %(generation)s, %(kind)s, %(correction)s, %(corrects)s, %(is_active)s, %(by)s, %(undoes)s
)
RETURNING operation_id, done_at, (SELECT camera FROM photo WHERE photo.photo_id = bib_operation.photo_id)

-- name: photo_of_operation
SELECT photo_id FROM bib_operation WHERE album_id = %(album_id)s AND operation_id = %(operation_id)s

-- name: operation
SELECT generation, kind, correction, corrects, undone_by FROM bib_operation
WHERE album_id = %(album_id)s AND operation_id = %(operation_id)s

-- name: later_corrections
SELECT operation_id, correction FROM bib_operation
WHERE photo_id = %(photo_id)s AND generation = %(generation)s AND is_active AND operation_id > %(operation_id)s
ORDER BY operation_id

-- name: switch_correction
UPDATE bib_operation SET is_active = %(is_active)s WHERE operation_id = %(corrects)s

-- name: mark_undone
UPDATE bib_operation SET undone_by = %(undone_by)s WHERE operation_id = %(operation_id)s

-- name: operations
SELECT
    operation_id, photo.bucket, photo.name, bib_operation.generation, kind, correction, done_at, done_by, undoes,
    undone_by, is_active
FROM bib_operation JOIN photo USING (photo_id)
WHERE bib_operation.album_id = %(album_id)s AND (%(before)s::bigint IS NULL OR operation_id < %(before)s)
    AND (%(photo_id)s::uuid IS NULL OR photo_id = %(photo_id)s)
ORDER BY operation_id DESC
LIMIT %(limit)s

-- name: expire_undos
DELETE FROM bib_operation WHERE corrects IS NOT NULL AND done_at < %(before)s

-- name: expire_corrections
-- A correction that does not apply, once nothing could switch it on again.
DELETE FROM bib_operation
WHERE corrects IS NULL AND NOT is_active AND done_at < %(before)s
    AND NOT EXISTS (SELECT FROM bib_operation AS undo WHERE undo.corrects = bib_operation.operation_id)

-- name: forget_principals
UPDATE bib_operation SET done_by = NULL WHERE done_at < %(before)s AND done_by IS NOT NULL

-- name: try_lock
-- The first number identifies this kind of lock; the lock ends with the transaction.
SELECT pg_try_advisory_xact_lock(707803, %(album_id)s)

-- name: fingerprint
-- Of the album's rules, empty for the default rules; null where an earlier version set them.
SELECT coalesce((SELECT coalesce(fingerprint, '?') FROM album_rules WHERE album_id = %(album_id)s), '')

-- name: outdated
SELECT bucket, name, generation, pipeline_version FROM photo
WHERE album_id = %(album_id)s AND width IS NOT NULL AND bib_rules <> %(rules)s
    AND (%(after)s::uuid IS NULL OR photo_id > %(after)s::uuid)
ORDER BY photo_id
LIMIT %(limit)s

-- name: count_outdated
SELECT count(*) FROM photo WHERE album_id = %(album_id)s AND width IS NOT NULL AND bib_rules <> %(rules)s

-- name: count_changes
INSERT INTO bib_rescoring (album_id, photos, added, removed, changed, skipped)
VALUES (%(album_id)s, %(photos)s, %(added)s, %(removed)s, %(changed)s, %(skipped)s)
ON CONFLICT (album_id) DO UPDATE
SET photos = bib_rescoring.photos + excluded.photos, added = bib_rescoring.added + excluded.added,
    removed = bib_rescoring.removed + excluded.removed, changed = bib_rescoring.changed + excluded.changed,
    skipped = bib_rescoring.skipped + excluded.skipped

-- name: finish_rescoring
UPDATE bib_rescoring SET is_finished = true
WHERE album_id = %(album_id)s AND %(rules)s = coalesce(
    (SELECT coalesce(fingerprint, %(rules)s) FROM album_rules WHERE album_rules.album_id = %(album_id)s), ''
)

-- name: rescoring
SELECT photos, added, removed, changed, skipped FROM bib_rescoring WHERE album_id = %(album_id)s

-- name: waiting
SELECT album.name FROM bib_rescoring JOIN album USING (album_id) WHERE NOT is_finished ORDER BY album.name

-- name: request_rescoring
INSERT INTO bib_rescoring (album_id) VALUES (%(album_id)s)
ON CONFLICT (album_id) DO UPDATE
SET is_finished = false, photos = 0, added = 0, removed = 0, changed = 0, skipped = 0

-- name: rules_in_use
-- A photo that is being written waits while the album's rules are changed, and the other way round, so that none is missed
-- by the re-scoring that follows. The first number identifies this kind of lock.
SELECT pg_advisory_xact_lock_shared(707804, %(album_id)s)

-- name: change_rules
SELECT pg_advisory_xact_lock(707804, %(album_id)s)

-- name: resume_rescoring
-- For a photo that was analysed by rules that the album does not have any more.
UPDATE bib_rescoring SET is_finished = false
FROM album_rules
WHERE bib_rescoring.album_id = %(album_id)s AND is_finished AND album_rules.album_id = %(album_id)s
    AND fingerprint <> %(rules)s

-- name: pending
SELECT bucket, name, generation, pipeline_version, bibs_read, bib_rules, bibs_revision
FROM bib_projection JOIN photo USING (photo_id)
WHERE bib_projection.album_id = %(album_id)s
ORDER BY photo_id
LIMIT %(limit)s

-- name: projected
DELETE FROM bib_projection
USING unnest(%(photo_ids)s::uuid[], %(revisions)s::bigint[]) AS written (photo_id, revision)
WHERE bib_projection.photo_id = written.photo_id AND bib_projection.revision <= written.revision

-- name: pending_albums
SELECT DISTINCT album.name FROM bib_projection JOIN album USING (album_id) ORDER BY album.name
