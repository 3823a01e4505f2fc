"""The core: the only code that must be right for a proof to be one.

It imports nothing of the rest: not the numbers that try to refute a statement, not its alterations, not what
prints it.
"""
