"""A trained model as a thing: the model folder, signatures, export."""
