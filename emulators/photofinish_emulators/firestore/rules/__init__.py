"""Firestore Security Rules: the language, and what a file of rules allows. Pure, apart from reading the file."""
