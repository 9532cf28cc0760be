"""Sentences to try, by language: what each shows, and the sentence. The first opens the page."""

SAMPLES = {
    "de": (
        ("dogs in the snow", "Zwei Hunde spielen im Schnee neben einem roten Zaun."),
        ("the verb comes last", "Ein Mann, der einen gelben Helm trägt, hat einen Ball in die Luft geworfen."),
        ("two meanings", "Eine Frau sitzt auf einer Bank und liest ein Buch."),
        ("a word in pieces", "Ein Feuerwehrmann steht vor einem Löschfahrzeug."),
        (
            "too much to remember",
            "Zwei kleine Kinder in blauen Jacken laufen mit einem braunen Hund über eine grüne Wiese, während ihre "
            "Mutter auf einer Bank unter einem Baum sitzt und ein Buch liest.",
        ),
    ),
    "en": (
        ("dogs in the snow", "Two dogs are playing in the snow next to a red fence."),
        ("the verb must move", "A man wearing a yellow helmet has thrown a ball into the air."),
        ("two meanings", "A woman is sitting on a bench near the bank of a river."),
        ("a word to build", "A firefighter is standing in front of a fire engine."),
        (
            "too much to remember",
            "Two little children in blue jackets are running across a green meadow with a brown dog while their mother "
            "is sitting on a bench under a tree and reading a book.",
        ),
    ),
    "fr": (
        ("dogs in the snow", "Deux chiens jouent dans la neige à côté d'une clôture rouge."),
        ("the adjective moves", "Un homme avec un casque jaune lance un ballon blanc en l'air."),
        ("two meanings", "Une femme est assise sur un banc et lit un livre."),
        ("a word in pieces", "Un pompier se tient devant un camion de pompiers."),
        (
            "too much to remember",
            "Deux petits enfants en vestes bleues courent avec un chien brun dans un pré vert pendant que leur mère "
            "est assise sur un banc sous un arbre et lit un livre.",
        ),
    ),
}
