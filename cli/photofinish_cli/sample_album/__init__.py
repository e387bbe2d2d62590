"""A race drawn by us, with real faces and legible numbers, so that there is something true to find."""

from photofinish_cli.sample_album.album import SampleAlbum, SamplePerson, SamplePhoto, make_sample_album

__all__ = ["SampleAlbum", "SamplePerson", "SamplePhoto", "make_sample_album"]
