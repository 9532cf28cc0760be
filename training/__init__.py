"""The common recipe and everything a training run needs besides the model and its data."""
