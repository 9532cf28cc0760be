"""Texts to try, by the kind of model: what each shows, and the text. The first opens the page."""

REVIEWS = (
    (
        "a turn at the end",
        "The first half hour is dull, the dialogue is wooden and I nearly walked out. But then the story finds its "
        "feet, the two leads are wonderful together, and the last scene moved me to tears. I loved it.",
    ),
    (
        "praise taken back",
        "With such a great cast and a beautiful score this should have been a masterpiece. Instead it is a boring, "
        "pointless mess that wastes everyone in it.",
    ),
    ("not", "It is not a bad film, and it is certainly not boring."),
    ("irony", "Oh great, another two hours of people explaining the plot to each other. Just what I needed."),
    (
        "little said",
        "A man takes the train to the town where he was born and spends a day there with his sister.",
    ),
)
SENTENCES = (
    ("a turn", "It starts slowly and looks cheap , but the ending is quietly devastating ."),
    ("not", "Not exactly a bad movie , but far from a good one ."),
    ("praise", "A warm , funny and beautifully acted film ."),
    ("faint", "The film is a story about two brothers in a small town ."),
)
SECOND = "The same story, told better: warm, funny and never boring."


def samples(corpus: str) -> tuple[tuple[str, str], ...]:
    """The samples that fit a model of this corpus."""
    return SENTENCES if corpus.startswith("sst") else REVIEWS
