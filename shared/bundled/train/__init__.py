"""How the built-in model was made: training pictures, losses, scores. `python -m shared.bundled.train`.

Only training needs it: nothing else imports it.
"""
