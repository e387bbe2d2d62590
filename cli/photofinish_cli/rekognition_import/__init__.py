"""Moving a collection from Amazon Rekognition here: its pictures are indexed again, as vectors cannot be had."""
