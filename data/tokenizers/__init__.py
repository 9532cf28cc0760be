"""Text to ids and back: subwords, words, characters, with one table of special tokens for all."""
