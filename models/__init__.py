"""From arrays to arrays, in Keras: layers, encoders, the decoder, searches, explanations."""

import os

# TensorFlow leaves oneDNN off on processors without AVX-512. Measured there, an LSTM's products are 2 to 4 times
# faster with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
