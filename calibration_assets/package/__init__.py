"""The calibration package: matrix, targets, columns, initial weights and what they were made from."""
