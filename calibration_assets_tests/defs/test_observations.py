"""Figures of a running fit, where Dagster's pages plot them."""

from dagster import AssetExecutionContext, AssetKey, DagsterInstance, StaticPartitionsDefinition, asset, materialize

from calibration_assets.defs.metadata import tell_observations


@asset
def fitted(context: AssetExecutionContext) -> None:
    """Tells its figures twice."""
    tell = tell_observations(context)
    tell({"epoch": 10, "loss": 3.5})
    tell({"epoch": 20, "loss": 1.5})


@asset(partitions_def=StaticPartitionsDefinition(["a"]))
def fitted_point(context: AssetExecutionContext) -> None:
    """Tells figures of its point."""
    tell_observations(context)({"loss": 1.0})


def test_figures_become_observations_of_the_asset():
    with DagsterInstance.ephemeral() as instance:
        assert materialize([fitted], instance=instance).success
        records = instance.fetch_observations(AssetKey("fitted"), limit=5).records
    told = [record.asset_observation.metadata for record in records]
    assert sorted((one["epoch"].value, one["loss"].value) for one in told) == [(10, 3.5), (20, 1.5)]


def test_figures_of_a_point_belong_to_its_partition():
    with DagsterInstance.ephemeral() as instance:
        assert materialize([fitted_point], instance=instance, partition_key="a").success
        (record,) = instance.fetch_observations(AssetKey("fitted_point"), limit=5).records
    assert record.asset_observation.partition == "a"
