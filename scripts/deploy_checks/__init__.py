"""What a schema does not see: mistakes of meaning in manifests and compose files. Used by scripts/lint_deploy.py.

A check is a generator `name(tree, facts)` of findings; `tree` is model.Tree, `facts` is facts.Facts.
"""
