"""A durable server of ``google.firestore.v1.Firestore`` for one machine."""
