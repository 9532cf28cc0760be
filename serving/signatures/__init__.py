"""What a SavedModel answers, and what it does inside the graph before and after the network.

`text` and its like turn raw inputs into what an encoder reads (a *reader*) and token ids into text (a *writer*);
`speaking` makes the signatures of every application that speaks from an encoder, a decoder, a reader and a writer.

A reader is a `tf.Module` with

- `inputs`: `{name: tf.TensorSpec}`, the raw inputs of a batch; a name that ends in `_bytes` takes base64 in REST;
- `meanings`: `{name: what it is}`, for signatures.md;
- `differences`: a list of sentences, what it does otherwise than the predictor's `read`;
- `__call__(**inputs) -> Read`.
"""
