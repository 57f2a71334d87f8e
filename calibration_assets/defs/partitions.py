"""The partitions: a sweep's points, by the names that `sweep.yaml` gives them, and the areas of the country."""

from dagster import StaticPartitionsDefinition

from calibration_assets.fit.points import read_points
from calibration_assets.geography.areas import area_names
from calibration_assets.storage.reference import read_reference

SWEEP_POINTS = StaticPartitionsDefinition(list(read_points()))
AREAS = StaticPartitionsDefinition(area_names(read_reference("county_shares")["district"].to_numpy()))
