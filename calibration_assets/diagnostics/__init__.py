"""A calibration package and its weights in; tables, pictures and a report out. Nothing here changes a weight."""
