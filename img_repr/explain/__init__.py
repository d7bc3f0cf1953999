"""Explanations: which parts of the raw samples speak for a prediction."""

from img_repr.explain.explainer import explain

__all__ = ["explain"]
