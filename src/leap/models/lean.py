"""LightGBM for those that only predict."""

from __future__ import annotations

import sys


def import_lightgbm() -> None:
    """Import LightGBM without scikit-learn, which it imports where it is there, to offer estimators of that kind.

    Nothing of ours uses them, and to import it takes twice as long as all the rest of LightGBM. For processes that
    serve or check: call it before anything else imports LightGBM. Where it is imported already nothing happens.
    """
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # what makes `import sklearn` fail
    try:
        import lightgbm  # noqa: F401
    finally:
        del sys.modules["sklearn"]
