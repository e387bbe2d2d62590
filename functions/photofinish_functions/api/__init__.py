"""The JSON API over HTTP: albums, photos, search, faces, people."""
