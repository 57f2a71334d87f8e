"""Where targets come from: one file a source, each with one shape, fetch -> parse -> targets."""

from calibration_assets.targets.sources import (
    acs_s0101,
    acs_s2201,
    fns_snap,
    irs_soi_district,
    irs_soi_national,
    irs_soi_state,
    national_totals,
)

SOURCES = tuple(
    module.SOURCE
    for module in (acs_s0101, acs_s2201, fns_snap, irs_soi_district, irs_soi_national, irs_soi_state, national_totals)
)
