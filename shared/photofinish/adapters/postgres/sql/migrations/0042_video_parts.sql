-- Results of parts of long videos, until the video has its own: a part that is here is not analysed again. Their content has
-- embeddings.
CREATE TABLE video_part (
    album_id integer NOT NULL REFERENCES album,
    photo_id uuid NOT NULL,
    generation bigint NOT NULL,
    pipeline_version text COLLATE "C" NOT NULL,
    part smallint NOT NULL,
    content bytea NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (photo_id, generation, pipeline_version, part)
);
CREATE INDEX video_part_album ON video_part (album_id);
CREATE INDEX video_part_written ON video_part (written_at);
