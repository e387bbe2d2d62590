"""Cloud Storage of the local cloud: who may use fake-gcs-server, which lets everyone do everything."""
