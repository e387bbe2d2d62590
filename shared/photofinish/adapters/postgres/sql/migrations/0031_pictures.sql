-- What photos are shown by before their picture is there, and what near duplicates are found by. Null in photos that were
-- analysed before there were any; they get both when they are analysed again.
ALTER TABLE photo
    ADD COLUMN placeholder bytea,  -- a ThumbHash without faces; a photo of the photo bucket has a thumbnail where it is
    ADD COLUMN perceptual_hash bigint;  -- 64 bits, the highest one as the sign
