"""How encode_items.py makes vectors of words."""
