"""Places for stores: a test that asks for `place` runs on a folder, in a bucket over HTTP, and on a real gateway."""

import pytest

from calibration_assets_tests.storage import gateway as rados
from calibration_assets_tests.storage.places import Place, make_bucket


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """Ceph's RADOS gateway, started once a session."""
    if missing := rados.Gateway.missing():
        pytest.skip(f"{', '.join(missing)} not installed: install ceph-mon, ceph-osd, radosgw and ceph-common for this")
    running = rados.Gateway(tmp_path_factory.mktemp("rados"))
    try:
        running.start()
        yield running
    finally:
        running.stop_all()


@pytest.fixture
def gateway_bucket(gateway, tmp_path):
    """An empty bucket of the RADOS gateway."""
    return make_bucket(rados.URL, rados.ACCESS_KEY, rados.SECRET_KEY, tmp_path / "caches")


@pytest.fixture(params=["bucket", pytest.param("gateway_bucket", marks=pytest.mark.slow)])
def remote(request):
    """A place in a bucket."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["folder", "bucket", pytest.param("gateway_bucket", marks=pytest.mark.slow)])
def place(request, tmp_path):
    """A place of every kind."""
    if request.param == "folder":
        return Place(str(tmp_path / "store"), tmp_path / "caches")
    return request.getfixturevalue(request.param)
