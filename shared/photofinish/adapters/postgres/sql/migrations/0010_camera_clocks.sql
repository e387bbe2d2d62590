-- What is added to a camera's clock to get the album's time. A camera without a row is right.
CREATE TABLE camera_shift (
    album_id integer NOT NULL REFERENCES album,
    camera text NOT NULL,
    shift interval NOT NULL,
    PRIMARY KEY (album_id, camera)
);

-- taken_at plus the shift of its camera: what searches compare. taken_at stays as the camera wrote it.
ALTER TABLE photo ADD COLUMN corrected_at timestamp;
UPDATE photo SET corrected_at = taken_at WHERE taken_at IS NOT NULL;
DROP INDEX photo_album_time;
CREATE INDEX photo_album_time ON photo (album_id, corrected_at) WHERE pipeline_version IS NOT NULL;
