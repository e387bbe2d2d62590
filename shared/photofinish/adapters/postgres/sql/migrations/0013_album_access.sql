-- What signed-in users may do in an album beyond finding themselves, and whether Firestore's security rules know of it.

ALTER TABLE album_access
    ADD COLUMN users_may_browse boolean NOT NULL DEFAULT false,
    ADD COLUMN anonymous_users boolean NOT NULL DEFAULT false,
    -- The album's access document is out of date while documented_revision is lower, as for all albums opened before.
    ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    ADD COLUMN documented_revision bigint NOT NULL DEFAULT 0,
    ADD CHECK (users_may_search OR NOT users_may_browse);
CREATE INDEX album_access_pending ON album_access (album) WHERE documented_revision < revision;
