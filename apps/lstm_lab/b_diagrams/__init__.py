"""B-diagrams (Rojas 1996, ch. 7): a computation drawn as nodes that each keep a value and a derivative.

parser.py   from a typed expression to a diagram, against a list of what is allowed
graph.py    the diagram: forward values, backward derivatives
lstm.py     the same for the LSTM cell, one step or two
layout.py   where the nodes stand
"""
