"""Several photos as one ZIP, streamed from the bucket."""
