"""How models are trained."""

from supreme.recipes.recipe import Recipe

__all__ = ["Recipe"]
