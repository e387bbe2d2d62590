-- What photos show: a place in an embedding space that texts share, and labels (docs/label-search.md). One row for each photo
-- that was analysed while label search was on. Partitions and indexes as of face (migrations 0001 and 0007), and no foreign
-- key to photo for the same reason.
CREATE TABLE depiction (
    album_id integer NOT NULL,
    photo_id uuid NOT NULL,
    space_id smallint NOT NULL,
    embedding halfvec NOT NULL,
    labels text[] NOT NULL,  -- the likeliest first
    label_scores real[] NOT NULL CHECK (cardinality(label_scores) = cardinality(labels)),
    PRIMARY KEY (album_id, photo_id)
) PARTITION BY LIST (album_id);
CREATE INDEX depiction_photo ON depiction (photo_id);

CREATE FUNCTION create_depiction_partition(album_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE depiction INCLUDING ALL)', 'depiction_' || album_id);
    EXECUTE format(
        'ALTER TABLE depiction ATTACH PARTITION %I FOR VALUES IN (%s)', 'depiction_' || album_id, album_id
    );
END $$;

CREATE FUNCTION create_depiction_space_index(album_id integer, space_id smallint, dimension smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE INDEX %I ON %I USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) '
        'WITH (m = 12, ef_construction = 64) WHERE space_id = %s',
        'depiction_' || album_id || '_space_' || space_id, 'depiction_' || album_id, dimension, space_id
    );
END $$;

CREATE FUNCTION drop_depiction_partition(album_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'depiction_' || album_id);
END $$;
