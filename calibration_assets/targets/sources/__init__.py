"""Where targets come from: one file a source, each with one shape, fetch -> parse -> targets."""

from calibration_assets.targets.sources import (
    acf_tanf,
    acs_s0101,
    acs_s2201,
    acs_s2704,
    cbo_treasury,
    cdc_births,
    census_stc,
    cms_marketplace,
    cms_medicaid,
    cms_premium_tax_credit,
    fns_snap,
    irs_soi_district,
    irs_soi_eitc,
    irs_soi_incd,
    irs_soi_national,
    irs_soi_state,
    national_totals,
)

SOURCES = tuple(
    module.SOURCE
    for module in (
        acf_tanf,
        acs_s0101,
        acs_s2201,
        acs_s2704,
        cbo_treasury,
        cdc_births,
        census_stc,
        cms_marketplace,
        cms_medicaid,
        cms_premium_tax_credit,
        fns_snap,
        irs_soi_district,
        irs_soi_eitc,
        irs_soi_incd,
        irs_soi_national,
        irs_soi_state,
        national_totals,
    )
)
