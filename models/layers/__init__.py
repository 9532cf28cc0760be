"""Recurrent cells under one contract, and what runs them over time.

A cell is a `keras.Layer` with

- `units`: width of its output h; `state_size`: widths of its states, `[H, H]` for (h, c), `[H]` where there is no c;
- `projection_size`: P, the width of `project`'s result;
- `project(inputs)`: (..., features) → (..., P), one product for all steps, biases included;
- `gates(projected, state, recurrent_mask=None)`: one step's activations by name: "input", "forget", "output",
  "candidate", "update", "reset", and the results "cell" (new c) and "hidden" (new h), each (batch, ·); a cell without
  a gate lacks that name;
- `step(projected, state, recurrent_mask=None)`: (output, new state), computed from `gates`: what a picture shows is
  what is computed;
- where it can, `sequence(projected, state, mask, reverse, recurrent_mask)`: all steps at once, equal to stepping.
"""
