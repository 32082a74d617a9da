"""What fresh accounts would show of a rule that was found: less than what found it (the winner's curse)."""

from __future__ import annotations

import numpy as np


def shrunk(z: float, cut: float) -> float:
    """The size, in standard errors, to expect from fresh accounts of a rule measured at z that had to reach `cut`.

    The mean of the size given that it was seen, where a size is drawn as likely near zero as anywhere up to what is
    usual of attributes that matter (a half normal prior), and only what reached the cut is told (Zhong & Prentice 2008,
    "Bias-reduced estimators and confidence intervals for odds ratios in genome-wide association studies").
    """
    from scipy.stats import norm

    if z <= 0:
        return z
    grid = np.linspace(0.0, z + 4.0, 400)
    weight = norm.pdf(z - grid) / np.maximum(norm.sf(min(cut, z) - grid), 1e-12) ** _CONDITIONAL
    weight = weight * np.exp(-0.5 * (grid / _USUAL) ** 2)
    return float(min((grid * weight).sum() / weight.sum(), z))


_USUAL = 8.0
_CONDITIONAL = 0.5
