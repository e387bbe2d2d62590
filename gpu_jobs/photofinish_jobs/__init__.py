"""The analysis job: drain the queue, analyse in batches, commit."""
