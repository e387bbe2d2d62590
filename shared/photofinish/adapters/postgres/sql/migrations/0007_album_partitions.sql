-- An album's partition is made when its first face comes, and dropped with the album. Whoever adds faces may do that
-- without owning the tables: these functions run with their owner's rights, and take nothing but numbers.

-- Made apart and then attached: unlike CREATE TABLE … PARTITION OF, this does not stop the searches of other albums.
CREATE FUNCTION create_face_partition(album_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE face INCLUDING ALL)', 'face_' || album_id);
    EXECUTE format('ALTER TABLE face ATTACH PARTITION %I FOR VALUES IN (%s)', 'face_' || album_id, album_id);
END $$;

-- 12 links instead of pgvector's 16 save 56 bytes a face and lose no recall at the depth that searches look
-- (docs/benchmarks/search.md).
CREATE FUNCTION create_face_space_index(album_id integer, space_id smallint, dimension smallint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE INDEX %I ON %I USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) '
        'WITH (m = 12, ef_construction = 64) WHERE space_id = %s',
        'face_' || album_id || '_space_' || space_id, 'face_' || album_id, dimension, space_id
    );
END $$;

CREATE FUNCTION drop_face_partition(album_id integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'face_' || album_id);
END $$;
