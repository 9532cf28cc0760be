"""Sentences to try: what each shows, and the sentence. The first opens the page."""

SAMPLES = (
    ("one word, two tags", "They will book the flight after they read the book."),
    ("the end decides", "The old man the boats."),
    ("only later words tell", "Her plants need water, but her friends plants trees."),
    ("words it never saw", "The frumious bandersnatch galumphed quickly through the tulgey wood."),
    ("that, that and that", "I know that that cat is the one that scratched you."),
)
