-- The event log: one row per fact about an album, in the order of `position`. Functions add to it by record_album_event and
-- cannot change a row (adapters/postgres/granting.py); erasures remove rows about what is erased.
CREATE SEQUENCE album_event_position;
CREATE TABLE album_event (
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    album_id integer NOT NULL REFERENCES album,
    occurred_at timestamptz NOT NULL,
    is_late boolean NOT NULL,  -- not recorded within the hour in which it happened: see `positions` in events.sql
    photo_id uuid,
    generation bigint,
    person_ids uuid[] NOT NULL DEFAULT '{}',
    batch_id uuid,
    folder text COLLATE "C",
    camera text COLLATE "C",
    data jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (recorded_at);
CREATE INDEX album_event_at ON album_event (position);
CREATE INDEX album_event_of_album ON album_event (album_id, position);
CREATE INDEX album_event_of_type ON album_event (album_id, type, position);
CREATE INDEX album_event_of_folder ON album_event (album_id, folder, position);
CREATE INDEX album_event_of_camera ON album_event (album_id, camera, position);
CREATE INDEX album_event_of_photo ON album_event (photo_id, position) WHERE photo_id IS NOT NULL;
CREATE INDEX album_event_of_batch ON album_event (batch_id, position) WHERE batch_id IS NOT NULL;
CREATE INDEX album_event_of_people ON album_event USING gin (person_ids) WHERE person_ids <> '{}';
CREATE INDEX album_event_recorded ON album_event (album_id, recorded_at);
CREATE INDEX album_event_late ON album_event (album_id, position, occurred_at) WHERE is_late;
CREATE INDEX album_event_fact ON album_event (event_id);
-- For events of months that have no partition yet, because no schedule ran for months.
CREATE TABLE album_event_later PARTITION OF album_event DEFAULT;

-- Record a fact, and return its position; null if it is known already, or if what it is about is erased.
--
-- Transactions commit in another order than they take positions, so a reader that has seen a position may not have seen a
-- smaller one. Therefore a writer first holds, until it commits, a lock that names a position below its own, and readers stop
-- at the lowest that is held (event_watermark). The key of such a lock is 0x7066 in its 16 highest bits and the position.
CREATE FUNCTION record_album_event(
    new_id uuid, new_type text, album integer, occurred timestamptz, photo uuid, photo_generation bigint, people uuid[],
    batch uuid, new_folder text, new_camera text, new_data jsonb
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    new_position bigint;
    recorded timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(707808, hashtext(new_id::text));  -- the same fact at the same time
    IF EXISTS (SELECT FROM album_event WHERE event_id = new_id) THEN
        RETURN NULL;
    END IF;
    IF new_type <> 'photo.erased' AND photo IS NOT NULL AND EXISTS (
        SELECT FROM erased_photo WHERE photo_id = photo AND generation >= photo_generation
    ) THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
        (x'7066'::bigint << 48) | (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM album_event_position)
    );
    new_position := nextval('album_event_position');
    recorded := clock_timestamp();  -- not now(): in the order of positions, however long the transaction takes
    INSERT INTO album_event (
        position, recorded_at, event_id, type, album_id, occurred_at, is_late, photo_id, generation, person_ids, batch_id,
        folder, camera, data
    ) VALUES (
        new_position, recorded, new_id, new_type, album, occurred,
        occurred < recorded - interval '1 hour' OR occurred > recorded + interval '1 minute', photo, photo_generation, people,
        batch, new_folder, new_camera, new_data
    );
    RETURN new_position;
END $$;

-- Up to which position the log is complete: no transaction that is still open can add an event at or below it. Read the
-- events in a later statement, whose snapshot has all that was committed before.
--
-- It is the position of an event: one that only a rolled-back transaction took may be given out again after a crash of the
-- server, which writes the sequence to disk with the next commit.
CREATE FUNCTION event_watermark() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    taken bigint;
    held bigint;
BEGIN
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO taken FROM album_event_position;  -- before the locks
    SELECT min(((classid::bigint & x'ffff'::bigint) << 32) | objid::bigint) INTO held FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND classid::bigint >> 16 = x'7066'::bigint
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN coalesce((SELECT max(position) FROM album_event WHERE position <= least(taken, held)), 0);
END $$;

-- Make the partitions of the months up to then; those whose events wait in album_event_later stay there.
CREATE FUNCTION make_event_partitions(until timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz := date_trunc('month', now(), 'UTC');
    partition_name text;
    made integer := 0;
BEGIN
    WHILE month <= until LOOP
        partition_name := 'album_event_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass(partition_name) IS NULL AND NOT EXISTS (
            SELECT FROM album_event_later
            WHERE recorded_at >= month AND recorded_at < date_trunc('month', month + interval '32 days', 'UTC')
        ) THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF album_event FOR VALUES FROM (%L) TO (%L)',
                partition_name, month, date_trunc('month', month + interval '32 days', 'UTC')
            );
            made := made + 1;
        END IF;
        month := date_trunc('month', month + interval '32 days', 'UTC');
    END LOOP;
    RETURN made;
END $$;

-- Remove events recorded before then; partitions of whole months are dropped. Returns how many partitions.
CREATE FUNCTION drop_old_events(before timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition_name text;
    dropped integer := 0;
BEGIN
    FOR partition_name IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'album_event'::regclass AND relname ~ '^album_event_\d{4}_\d{2}$'
            AND (to_date(right(relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before
    LOOP
        EXECUTE format('DROP TABLE %I', partition_name);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM album_event_later WHERE recorded_at < before;
    RETURN dropped;
END $$;

SELECT make_event_partitions(now() + interval '2 months');
