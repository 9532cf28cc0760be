"""Engines that take a model beyond one process: Ray Serve and TensorFlow Serving online, Ray over shards of inputs.

`rest`, `batching` and `saved_model` need no Ray; `ray_*` do, and say so where it is missing.
"""
