"""Authentication, authorisation, rate limits and audit: API keys, Firebase ID tokens, AWS signatures."""
