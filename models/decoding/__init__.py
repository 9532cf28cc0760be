"""Searches: small named parts, and two drivers over them.

`graph.search` loops inside a compiled graph, a whole batch at once; `walk.search` loops in Python, one step at a time,
and writes the trace. Both are made of `parts`, so they find the same tokens with the same scores.
"""
