"""Sentiment of a text, and classes of any other kind: many words, one label."""
