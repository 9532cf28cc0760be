"""Part-of-speech tagging: a universal tag for every word, by words before it and after it."""
