"""The command `reconcile`: what came in held against what went out, id by id. Reads only; changes nothing.

Everything that is known of an id is a `Fact`, kept on disk; `evaluate` looks at the facts of one id at a time.
"""
