"""Widgets that several applications share; each is text, or a Streamlit component with no build step."""
