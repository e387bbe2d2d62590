-- On how many photos each person of an album is, read from the index alone and in order: statistics ask for it.
CREATE INDEX person_face_photos ON person_face (album_id, person_id, photo_id);
