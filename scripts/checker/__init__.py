"""What check_run.py is made of: the contract, the fold and the formats, written a second time.

Standard library only, and no line shared with the binary: what both get wrong the same way is at
least not one mistake copied.
"""
