"""Word vectors: trained by word2vec or read from GloVe, with neighbours, analogies and a map."""
