"""The routes for programs, by what they are about."""

from serving.routes import model, profiles, scores

ROUTERS = (scores.router, profiles.router, model.router)

__all__ = ["ROUTERS"]
