"""Flat tables: features as they stand in a row beside the outcome that followed, one row per account (and date).

`workspace` says which workspaces these are, `rows` reads outcomes and features, `frame` is what is learned from and in
which folds, `model` the fitted learner, `judging` its figures in held-out folds, `notes` what is said beside them,
`leaks` the audit, `choosing` which rows are scored. What such a table has not (MRR, NRR, ICPs) is refused in words,
never made up.
"""
