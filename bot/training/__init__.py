"""``jufeng train``: from texts whose category is known to a model that finds the category of others.

Only this package wants scikit-learn; using a model does not.
"""
