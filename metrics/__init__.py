"""The field's scores, from plain Python values."""
