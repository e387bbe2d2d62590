-- Subscriptions: who is told of new photos of theirs. A subscription is a row until it ends, whatever ends it; then nothing of
-- it is left but the events about it.

-- What messages go through: a mail server, Firebase, the host of a webhook. It is locked before its subscriptions.
CREATE TABLE notification_destination (
    destination text COLLATE "C" PRIMARY KEY,
    channel text NOT NULL CHECK (channel IN ('email', 'fcm', 'webhook')),
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz
);

CREATE TABLE subscription (
    subscription_id uuid PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album,
    owner text NOT NULL,  -- the caller who made it
    channel text NOT NULL CHECK (channel IN ('email', 'fcm', 'webhook')),
    destination text COLLATE "C" NOT NULL REFERENCES notification_destination,
    contact_hash bytea NOT NULL,  -- keyed; the contact itself is in subscription_contact
    language text NOT NULL,
    bib text COLLATE "C",
    person_id uuid,  -- no foreign key: a cluster may go, and its likeness in subscription_template still tells
    selfies smallint NOT NULL,
    text_version text,  -- of what was agreed to
    key_id text,  -- of the key that the secret of a webhook is derived from
    since bigint NOT NULL,  -- position in the event log: photos that were indexed before are not told
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    ends_at timestamptz NOT NULL,
    message_number integer NOT NULL DEFAULT 1,  -- of the message that is sent next
    attempts integer NOT NULL DEFAULT 0,  -- of that message
    due_at timestamptz,  -- of that message; null: there is nothing to tell
    announced_at timestamptz,  -- when a message of Pub/Sub asked for it; null: none is on its way
    leased_until timestamptz,
    last_sent_at timestamptz,
    UNIQUE (album_id, owner, contact_hash)
);
CREATE INDEX subscription_of_bib ON subscription (album_id, bib) WHERE bib IS NOT NULL;
CREATE INDEX subscription_of_person ON subscription (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX subscription_due ON subscription (destination, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX subscription_leased ON subscription (destination) WHERE leased_until IS NOT NULL;
CREATE INDEX subscription_ends ON subscription (ends_at);

-- Only the function that sends may read these.
CREATE TABLE subscription_contact (
    subscription_id uuid PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,
    address text NOT NULL
);

-- Faces of selfies, or the likeness of a person. No user but the owner may read them: the functions below answer.
CREATE TABLE subscription_template (
    subscription_id uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    space_id smallint NOT NULL REFERENCES embedding_space,
    min_similarity real NOT NULL,
    embedding halfvec NOT NULL
);
CREATE INDEX subscription_template_of ON subscription_template (subscription_id);

CREATE TABLE subscription_match (
    subscription_id uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    photo_id uuid NOT NULL,
    album_id integer NOT NULL REFERENCES album,
    message integer,  -- number of the message that tells it; null: none yet
    PRIMARY KEY (subscription_id, photo_id)
);
CREATE INDEX subscription_match_of_photo ON subscription_match (album_id, photo_id);
CREATE INDEX subscription_match_untold ON subscription_match (subscription_id) WHERE message IS NULL;

-- Confirmations that an address was asked for, by any caller: a day's worth is limited.
CREATE TABLE confirmation_request (
    contact_hash bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX confirmation_request_of ON confirmation_request (contact_hash, at);

-- Up to which position of the event log photos are matched; one row.
CREATE TABLE subscription_relay (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);
INSERT INTO subscription_relay (position)
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM album_event_position;

-- Note for each subscription which photos of these events show whom it is about, and return the subscriptions that have new
-- ones. A photo counts once, and not if this version of it was indexed before the subscription; a number set by hand counts.
--
-- An erasure holds the lock of its album (erasing.sql), so that no photo is noted after it was erased. The album's number stands
-- in the statement, so that only its partition of `face` is planned.
CREATE FUNCTION match_subscriptions(after bigint, until bigint) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    album integer;
BEGIN
    FOR album IN
        SELECT DISTINCT event.album_id FROM album_event AS event
        WHERE position > after AND position <= until AND type IN ('face.indexed', 'bib.corrected')
            AND EXISTS (SELECT FROM subscription WHERE subscription.album_id = event.album_id AND ends_at > now())
        ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock_shared(707804, album);
        RETURN QUERY EXECUTE format($match$
            WITH changed AS MATERIALIZED (
                SELECT photo_id, max(generation) AS generation, bool_or(type = 'bib.corrected') AS is_corrected,
                    max(position) AS position
                FROM album_event
                WHERE album_id = %1$s AND position > $1 AND position <= $2 AND type IN ('face.indexed', 'bib.corrected')
                GROUP BY photo_id
            ), template AS MATERIALIZED (
                SELECT subscription_id, space_id, min_similarity, embedding
                FROM subscription JOIN subscription_template USING (subscription_id)
                WHERE album_id = %1$s AND ends_at > now()
            ), shown AS (
                SELECT subscription_id, face.photo_id
                FROM changed JOIN face ON face.album_id = %1$s AND face.photo_id = changed.photo_id
                JOIN template USING (space_id)
                WHERE 1 - (template.embedding <=> face.embedding) >= min_similarity
                UNION
                SELECT subscription_id, bib.photo_id
                FROM changed JOIN bib ON bib.photo_id = changed.photo_id
                JOIN subscription ON subscription.album_id = %1$s AND subscription.bib = bib.number
                UNION
                SELECT subscription_id, person_face.photo_id
                FROM changed JOIN person_face ON person_face.album_id = %1$s AND person_face.photo_id = changed.photo_id
                JOIN subscription ON subscription.album_id = %1$s AND subscription.person_id = person_face.person_id
            )
            INSERT INTO subscription_match (subscription_id, album_id, photo_id)
            SELECT subscription_id, %1$s, photo_id
            FROM shown JOIN changed USING (photo_id) JOIN subscription USING (subscription_id)
            WHERE changed.position > since AND ends_at > now() AND (is_corrected OR NOT EXISTS (
                SELECT FROM album_event AS earlier
                WHERE earlier.photo_id = changed.photo_id AND earlier.position <= since
                    AND earlier.type = 'face.indexed' AND earlier.generation = changed.generation
            ))
            ORDER BY subscription_id
            ON CONFLICT DO NOTHING
            RETURNING subscription_id
        $match$, album) USING after, until;
    END LOOP;
END $$;

-- The same for photos that were found to show a person only after they were indexed: clustering runs later.
CREATE FUNCTION match_people_of_subscriptions() RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    album integer;
BEGIN
    FOR album IN
        SELECT DISTINCT album_id FROM subscription WHERE person_id IS NOT NULL AND ends_at > now() ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock_shared(707804, album);
        RETURN QUERY
            INSERT INTO subscription_match (subscription_id, album_id, photo_id)
            SELECT DISTINCT subscription.subscription_id, album, person_face.photo_id
            FROM subscription JOIN person_face USING (album_id, person_id) JOIN photo USING (photo_id)
            WHERE subscription.album_id = album AND ends_at > now()
                AND EXISTS (
                    SELECT FROM album_event AS event
                    WHERE event.photo_id = person_face.photo_id AND type = 'face.indexed' AND position > since
                )
                AND NOT EXISTS (
                    SELECT FROM album_event AS earlier
                    WHERE earlier.photo_id = person_face.photo_id AND type = 'face.indexed' AND position <= since
                        AND earlier.generation = photo.generation
                )
            ORDER BY 1, 3
            ON CONFLICT DO NOTHING
            RETURNING subscription_match.subscription_id;
    END LOOP;
END $$;

-- The subscriptions whose faces an entry of the suppression list refuses.
CREATE FUNCTION suppressed_subscriptions(entry uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT DISTINCT subscription_id
    FROM opt_out
    JOIN suppression_template AS refused USING (opt_out_id)
    JOIN subscription_template AS template USING (space_id)
    JOIN subscription USING (subscription_id)
    WHERE opt_out_id = entry AND (opt_out.album_id IS NULL OR opt_out.album_id = subscription.album_id)
        AND 1 - (refused.embedding <=> template.embedding) >= refused.min_similarity
$$;

-- The subscriptions that are about a person: by name, or by faces that match the person's pictures and decided faces.
CREATE FUNCTION subscriptions_about(album integer, person uuid) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT subscription_id FROM subscription WHERE album_id = album AND person_id = person;
    RETURN QUERY EXECUTE format($about$
        WITH own AS (
            SELECT space_id, embedding FROM enrolment JOIN person_embedding USING (upload_id)
            WHERE person_id = $1 AND status = 'accepted'
            UNION ALL
            (
                SELECT space_id, embedding FROM person_face JOIN face USING (album_id, face_id)
                WHERE person_face.album_id = %1$s AND face.album_id = %1$s AND person_id = $1
                ORDER BY source = 'clustered', quality DESC LIMIT 50
            )
        )
        SELECT DISTINCT subscription_id FROM own JOIN subscription_template AS template USING (space_id)
        JOIN subscription USING (subscription_id)
        WHERE subscription.album_id = %1$s AND subscription.person_id IS DISTINCT FROM $1
            AND 1 - (own.embedding <=> template.embedding) >= min_similarity
    $about$, album) USING person;
END $$;
