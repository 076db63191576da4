"""Predictions that some tool has saved, read as values of this package."""

from urban_segmentor.evaluate.saved.opening import open_predictions
from urban_segmentor.evaluate.saved.value import Predicted, SavedPredictions

__all__ = ["Predicted", "SavedPredictions", "open_predictions"]
