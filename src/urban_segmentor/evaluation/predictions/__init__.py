"""Predictions that some tool has saved, read as values of this package."""

from urban_segmentor.evaluation.predictions.open_predictions import open_predictions
from urban_segmentor.evaluation.predictions.prediction import FramePrediction, SavedPredictions

__all__ = ["FramePrediction", "SavedPredictions", "open_predictions"]
