"""Recommender models: `keras.Model`s with fit, evaluate, predict, save and export."""
