"""What photos and clips share when they are put into words.

`recipe` what can be set · `text` how captions are written · `batches` training batches · `scoring` the dev score and
the length penalty · `stages` one run after another · `predictor` the model in use · `evaluation` the report · `card`
the model card.
"""
