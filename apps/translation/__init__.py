"""Encoder–decoder translation without attention."""
