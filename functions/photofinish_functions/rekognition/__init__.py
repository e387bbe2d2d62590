"""Amazon Rekognition's wire protocol over albums and faces, for unmodified AWS SDKs."""
