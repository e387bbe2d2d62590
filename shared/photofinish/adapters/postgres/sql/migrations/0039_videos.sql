-- A video is a photo that lasts: one row of photo, one row of face for each person who is followed through it.
ALTER TABLE photo
    ADD COLUMN duration_s double precision,  -- null: not a video
    ADD COLUMN scene_starts double precision[];  -- seconds, the first one 0, ascending

-- When a box is: seconds from the beginning of the video, null in photos. Boxes of different moments show different things.
ALTER TABLE face ADD COLUMN box_at_s double precision;
ALTER TABLE withheld_face ADD COLUMN box_at_s double precision;
ALTER TABLE bib ADD COLUMN box_at_s double precision;
ALTER TABLE erased_face ADD COLUMN box_at_s double precision;
ALTER TABLE person_face ADD COLUMN box_at_s double precision;
ALTER TABLE person_rejection ADD COLUMN box_at_s double precision;
