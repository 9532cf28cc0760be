"""Captions for photos, from one vector."""
