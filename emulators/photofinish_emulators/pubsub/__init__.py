"""A durable Pub/Sub server: google.pubsub.v1 Publisher and Subscriber over gRPC, push over HTTP, state in SQLite."""
