"""Amazon Rekognition's wire protocol over albums and faces: what an unmodified AWS SDK speaks to."""
