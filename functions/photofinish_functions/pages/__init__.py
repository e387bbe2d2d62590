"""The pages for people: HTML, its static files and messages, served beside the API they call."""
