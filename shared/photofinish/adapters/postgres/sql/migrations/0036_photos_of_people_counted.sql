-- On how many photos each person is. Statistics read it: counting an album's faces takes 0.3 s for 333,334 of them right after
-- they were assigned, when the index alone does not yet tell which rows all may see.
--
-- Triggers count a person's photos again in each statement that changes their faces, so that no way of changing people (by
-- hand, clustering, undoing, erasing) can forget it. Whatever changes an album's people holds the album's row of
-- album_clustering, so that two transactions never count the same person at once.
CREATE TABLE person_photos (
    person_id uuid PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    album_id integer NOT NULL,
    photos integer NOT NULL CHECK (photos > 0)
) WITH (fillfactor = 80);  -- room beside a row for its next count, which then needs no new entries in indexes
CREATE INDEX person_photos_album ON person_photos (album_id);

-- One index for both: the faces of a person, and their photos in order.
CREATE INDEX person_face_person_photo ON person_face (person_id, photo_id);
DROP INDEX person_face_person, person_face_photos;

INSERT INTO person_photos (person_id, album_id, photos)
SELECT person_id, album_id, count(DISTINCT photo_id) FROM person_face GROUP BY person_id, album_id;

CREATE FUNCTION count_photos_of(people uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM person_photos
    WHERE person_id = ANY (people)
        AND NOT EXISTS (SELECT FROM person_face WHERE person_face.person_id = person_photos.person_id);
    INSERT INTO person_photos (person_id, album_id, photos)
    SELECT person_id, album_id, count(DISTINCT photo_id) FROM person_face
    WHERE person_id = ANY (people)
    GROUP BY person_id, album_id
    ON CONFLICT (person_id) DO UPDATE SET photos = excluded.photos WHERE person_photos.photos <> excluded.photos;
END
$$;
CREATE FUNCTION count_photos_after_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Only the branch that runs is planned: the others' tables do not exist.
    IF TG_OP = 'INSERT' THEN
        PERFORM count_photos_of(ARRAY(SELECT DISTINCT person_id FROM added));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_photos_of(ARRAY(SELECT DISTINCT person_id FROM removed));
    ELSE
        -- Confirming a face or keeping it moves none.
        PERFORM count_photos_of(ARRAY(
            SELECT DISTINCT moved.person_id
            FROM removed JOIN added USING (album_id, face_id)
            CROSS JOIN LATERAL (VALUES (removed.person_id), (added.person_id)) AS moved (person_id)
            WHERE removed.person_id <> added.person_id OR removed.photo_id <> added.photo_id
        ));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER photos_counted_after_insert AFTER INSERT ON person_face
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_photos_after_change();
CREATE TRIGGER photos_counted_after_update AFTER UPDATE ON person_face
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_photos_after_change();
CREATE TRIGGER photos_counted_after_delete AFTER DELETE ON person_face
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_photos_after_change();
