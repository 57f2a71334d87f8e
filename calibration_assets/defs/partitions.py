"""The partitions: a sweep's points, by the names that `sweep.yaml` gives them. Nothing is fitted or stored here."""

from dagster import StaticPartitionsDefinition

from calibration_assets.fit.points import read_points

SWEEP_POINTS = StaticPartitionsDefinition(list(read_points()))
