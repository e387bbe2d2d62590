-- What a photo's bib numbers are made of: what was read, by which rules, and what users corrected. The rows of `bib` and
-- `bib_candidate` are the result, which searches read.
ALTER TABLE photo
    -- As read, before corrections: number, ocr_score, partial, box, face_id, candidates of each.
    ADD COLUMN bibs_read jsonb NOT NULL DEFAULT '[]',
    -- Fingerprint of the bib rules that bibs_read follows, empty for the default rules.
    ADD COLUMN bib_rules text COLLATE "C" NOT NULL DEFAULT '',
    -- Grows with each change of the photo's bibs, also over a restored backup: microseconds, at least one more.
    ADD COLUMN bibs_revision bigint NOT NULL DEFAULT 0;

UPDATE photo SET bib_rules = split_part(pipeline_version, '+', 2) WHERE pipeline_version LIKE '%+%';

-- The shares of candidates were not kept, only the scores that the bib would have as each: in proportion to these.
UPDATE photo SET bibs_read = found.bibs
FROM (
    SELECT bib.photo_id, jsonb_agg(
        jsonb_build_object(
            'number', bib.number, 'ocr_score', bib.ocr_score, 'partial', bib.partial, 'face_id', bib.face_id,
            'box', jsonb_build_array(bib.box_x, bib.box_y, bib.box_w, bib.box_h),
            'candidates', coalesce(others.candidates, '[]')
        ) ORDER BY bib.bib_index
    ) AS bibs
    FROM bib
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_object('number', candidate.number, 'probability', candidate.ocr_score / nullif(total, 0))
            ORDER BY candidate.ocr_score DESC
        ) AS candidates
        FROM (
            SELECT one.number, one.ocr_score, sum(one.ocr_score) OVER () AS total, count(*) OVER () AS alternatives
            FROM (
                SELECT bib.number, bib.ocr_score
                UNION ALL
                SELECT bib_candidate.number, bib_candidate.ocr_score FROM bib_candidate
                WHERE bib_candidate.photo_id = bib.photo_id AND bib_candidate.bib_index = bib.bib_index
            ) AS one
        ) AS candidate
        WHERE alternatives > 1
    ) AS others ON true
    GROUP BY bib.photo_id
) AS found
WHERE found.photo_id = photo.photo_id;

-- For reading an album's photos again, page by page.
CREATE INDEX photo_album ON photo (album_id, photo_id) WHERE width IS NOT NULL;

ALTER TABLE bib
    ADD COLUMN by_hand boolean NOT NULL DEFAULT false,
    -- A number that a user added need not have a known place.
    ALTER COLUMN box_x DROP NOT NULL,
    ALTER COLUMN box_y DROP NOT NULL,
    ALTER COLUMN box_w DROP NOT NULL,
    ALTER COLUMN box_h DROP NOT NULL;

-- Corrections, and their undoing. A correction belongs to one generation: another one may be another picture.
CREATE TABLE bib_operation (
    operation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    photo_id uuid NOT NULL REFERENCES photo ON DELETE CASCADE,
    generation bigint NOT NULL,
    kind text NOT NULL,
    correction jsonb NOT NULL,  -- kind, number, instead_of, box, face; of an undo: of what it undoes
    corrects bigint REFERENCES bib_operation ON DELETE CASCADE,  -- the correction that an undo switches off or on
    is_active boolean NOT NULL,  -- whether a correction applies; false for an undo
    done_at timestamptz NOT NULL DEFAULT now(),
    done_by text,  -- null once the audit of that time has expired
    undoes bigint REFERENCES bib_operation ON DELETE SET NULL,
    undone_by bigint REFERENCES bib_operation ON DELETE SET NULL
);
CREATE INDEX bib_operation_album ON bib_operation (album_id, operation_id);
CREATE INDEX bib_operation_photo ON bib_operation (photo_id);
CREATE INDEX bib_operation_corrects ON bib_operation (corrects);

-- Fingerprint of an album's rules; null where an earlier version set them.
ALTER TABLE album_rules ADD COLUMN fingerprint text COLLATE "C";

-- What changing the rules of an album changed in its numbers, and whether photos still follow earlier rules.
CREATE TABLE bib_rescoring (
    album_id integer PRIMARY KEY REFERENCES album ON DELETE CASCADE,
    is_finished boolean NOT NULL DEFAULT false,
    photos integer NOT NULL DEFAULT 0,
    added integer NOT NULL DEFAULT 0,
    removed integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0
);
CREATE INDEX bib_rescoring_waiting ON bib_rescoring (album_id) WHERE NOT is_finished;

-- Photos whose document in Firestore has older bibs.
CREATE TABLE bib_projection (
    photo_id uuid PRIMARY KEY REFERENCES photo ON DELETE CASCADE,
    album_id integer NOT NULL REFERENCES album ON DELETE CASCADE,
    revision bigint NOT NULL
);
CREATE INDEX bib_projection_album ON bib_projection (album_id);
