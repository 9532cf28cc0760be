"""What happened inside: gate readings, saliency, what the cells still hold, and units held by hand.

`explainer.Explainer` puts the parts together for one trained model.
"""
