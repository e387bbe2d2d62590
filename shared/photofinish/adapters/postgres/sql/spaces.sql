-- Statements of adapters/postgres/spaces.py. %(name)s is a parameter.

-- name: find_space
SELECT space_id, dimension FROM embedding_space WHERE name = %(space)s

-- name: use_space
INSERT INTO embedding_space (name, dimension) VALUES (%(space)s, %(dimension)s) ON CONFLICT (name) DO NOTHING
