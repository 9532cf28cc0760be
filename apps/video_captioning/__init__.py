"""Captions for clips, from frame features, without attention."""
