"""Exact path-dependent TreeSHAP of LightGBM's trees at about the cost of a prediction.

A leaf adds to a row's contributions what depends only on which features on its path are satisfied, so a table of all
patterns can be made once (Yang 2021, "Fast TreeSHAP: Accelerating SHAP Value Computation for Trees"): scoring a row is
then a look-up. Here rows are binned first; leaves beside each other share one table, indexed by the bins that they
tell apart. What goes into a table is an integral over the share of features that are known, which Gauss-Legendre points
give exactly (Yu, Xu & Bifet 2022, "Linear TreeShap", write the same sum as polynomials). What is computed are the
values of Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for trees", as
LightGBM's `pred_contrib` gives them.

    forest.py         LightGBM's text -> arrays
    paths.py          what each leaf asks of each feature on its path, as intervals of bins
    tables.py         leaves joined into tables
    kernels.py        the loops over rows
    contributions.py  all of it behind one class
"""

from leap.models.treeshap.contributions import TreeContributions
from leap.models.treeshap.forest import Unsupported

__all__ = ["TreeContributions", "Unsupported"]
