"""Anything to one fixed-size summary."""
