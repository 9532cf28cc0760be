"""From files to NumPy arrays: corpora, tokenizers, batches. Knows nothing of Keras."""
