"""Readers of predictions saved by any tool."""

from urban_segmentor.evaluation.predictions.open_predictions import open_predictions
from urban_segmentor.evaluation.predictions.prediction import FramePrediction, SavedPredictions

__all__ = ["FramePrediction", "SavedPredictions", "open_predictions"]
