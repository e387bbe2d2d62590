-- Statements of adapters/postgres/receipts.py; face_index.sql explains %(name)s and {name}.

-- name: add_key
INSERT INTO receipt_key (key_id, public_key) VALUES (%(key_id)s, %(public_key)s) ON CONFLICT DO NOTHING

-- name: add_receipt
INSERT INTO erasure_receipt (erasure_id, key_id, document) VALUES (%(erasure_id)s, %(key_id)s, %(document)s)
ON CONFLICT DO NOTHING

-- name: receipt
SELECT document FROM erasure_receipt WHERE erasure_id = %(erasure_id)s

-- name: public_keys
SELECT key_id, public_key, first_used_at FROM receipt_key ORDER BY first_used_at DESC, key_id
