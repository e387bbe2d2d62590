"""Notifications: find who is to be told of a new photo, and send the messages."""
