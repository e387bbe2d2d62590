"""Who may do what: API keys, Firebase ID tokens, AWS signatures, rate limits, audit."""
