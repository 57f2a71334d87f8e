"""Steps as pods: what Dagster posts to a cluster is valid Kubernetes, asks for a GPU, and makes the weights."""

import re
from pathlib import Path

import kubernetes_validate
import numpy as np
import pytest
import yaml
from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterInvalidConfigError,
    Definitions,
    define_asset_job,
    execute_job,
    reconstructable,
    validate_run_config,
)

from calibration_assets.definitions import defs
from calibration_assets.defs.run import job_config, read_profile, resolve_job
from calibration_assets_tests.deploy.cluster import Cluster
from calibration_assets_tests.pipeline.stored import open_store, store_package

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
"""The version of Kubernetes whose schema the manifests are held against."""
VERSION = "1.33"


def fit_job():
    """A job of the asset `weights` alone."""
    job = define_asset_job("fit_alone", AssetSelection.assets("weights"))
    return Definitions(
        assets=defs.assets, resources=defs.resources, executor=defs.executor, loggers=defs.loggers, jobs=[job]
    ).resolve_job_def("fit_alone")


def instance_of_values(kubeconfig):
    """Dagster's instance as values.yaml has it, but for its databases and the place of the cluster."""
    values = yaml.safe_load((KUBERNETES / "values.yaml").read_text())
    raw = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    config = {
        "run_k8s_config": {re.sub("(?=[A-Z])", "_", name).lower(): value for name, value in raw.items()},
        "service_account_name": "calibration",
        "job_image": "REGISTRY/calibration-assets:TAG",
        "dagster_home": "/opt/dagster/dagster_home",
        "instance_config_map": "calibration-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "load_incluster_config": False,
        "kubeconfig_file": kubeconfig,
    }
    return {
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config},
        "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"},
        "telemetry": values["telemetry"],
        **values["additionalInstanceConfig"],
    }


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster, and an instance whose run launcher is the one of values.yaml on it."""
    places = {"CALIBRATION_STORE": "store", "CALIBRATION_CACHE": "cache", "DAGSTER_HOME": "home"}
    variables = {name: str(tmp_path / part) for name, part in places.items()}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir()
    one = Cluster(tmp_path, **variables, HOME=str(tmp_path))
    (tmp_path / "home" / "dagster.yaml").write_text(yaml.safe_dump(instance_of_values(str(one.kubeconfig))))
    yield one
    one.close()


def test_a_fit_runs_as_a_pod_with_a_gpu(cluster, tmp_path):
    store = open_store(tmp_path)
    store_package(store)
    execution = read_profile(KUBERNETES / "profile.yaml")["execution"]
    config = {"execution": execution, "ops": {"weights": {"config": {"epochs": 20}}}}
    with DagsterInstance.get() as instance:
        result = execute_job(reconstructable(fit_job), instance, run_config=config)
        assert result.success, [log.read_text()[-3000:] for log in tmp_path.glob("*.log")]
    (manifest,) = cluster.jobs.values()
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "24Gi", "nvidia.com/gpu": "1"}
    assert manifest["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert manifest["spec"]["ttlSecondsAfterFinished"] == 86_400
    assert manifest["spec"]["template"]["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"
    kubernetes_validate.validate(without_nulls(manifest), VERSION, strict=True)
    assert np.isfinite(np.load(store.current("weights").folder / "weights.npy")).all()


def test_a_mistake_in_the_executor_s_config_is_named(cluster):
    config = {"execution": {"config": {"k8s": {"max_concurent": 3}}}}
    with DagsterInstance.get() as instance, pytest.raises(DagsterInvalidConfigError, match="max_concurent"):
        execute_job(reconstructable(fit_job), instance, run_config=config, raise_on_error=True)


def test_the_cluster_s_profile_is_the_full_one_on_a_gpu():
    full, ours = (read_profile(path)["ops"] for path in (ROOT / "profiles" / "full.yaml", KUBERNETES / "profile.yaml"))
    assert ours.pop("weights") == {"config": {"device": "cuda"}}
    assert ours["simulated_values"]["config"].pop("batches") == 17
    assert ours == full
    config = job_config("calibrate", read_profile(KUBERNETES / "profile.yaml"))
    assert validate_run_config(resolve_job("calibrate"), config)


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value
