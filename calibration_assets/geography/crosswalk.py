"""District codes in one form, a district's counties, and figures carried from one Congress's districts to another's.

Pure functions on tables; reads no file. A district is an int, state FIPS * 100 + number, at-large and DC 01.
"""

import re
import unicodedata

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

N_DISTRICTS = 436
AT_LARGE = (0, 98)
STATE_FIPS = {
    "AL": 1, "AK": 2, "AZ": 4, "AR": 5, "CA": 6, "CO": 8, "CT": 9, "DE": 10, "DC": 11, "FL": 12, "GA": 13, "HI": 15,
    "ID": 16, "IL": 17, "IN": 18, "IA": 19, "KS": 20, "KY": 21, "LA": 22, "ME": 23, "MD": 24, "MA": 25, "MI": 26,
    "MN": 27, "MS": 28, "MO": 29, "MT": 30, "NE": 31, "NV": 32, "NH": 33, "NJ": 34, "NM": 35, "NY": 36, "NC": 37,
    "ND": 38, "OH": 39, "OK": 40, "OR": 41, "PA": 42, "RI": 44, "SC": 45, "SD": 46, "TN": 47, "TX": 48, "UT": 49,
    "VT": 50, "VA": 51, "WA": 53, "WV": 54, "WI": 55, "WY": 56,
}  # fmt: skip


def normalise_districts(codes: pd.Series) -> pd.Series:
    """District codes (state * 100 + number, any text or number) as int32, at-large 00 and delegate 98 as 01."""
    numbers = codes.astype("int64")
    return numbers.where(~(numbers % 100).isin(AT_LARGE), numbers // 100 * 100 + 1).astype("int32")


def resolve_county_shares(distributions: pd.DataFrame, counties: pd.DataFrame) -> pd.DataFrame:
    """Each district's population shares by county: district int32, county int32 (FIPS), probability float64.

    `distributions` has cd_geoid, county_name (`BALDWIN_COUNTY_AL`) and probability; `counties` has county (FIPS),
    name and state (postal). Names are compared by their ASCII letters and digits. A county that no name matches,
    a county in another state than its district and a district whose shares do not sum to 1 are errors.
    """
    by_name = counties.set_index((counties["name"] + counties["state"]).map(_plain))["county"]
    names = distributions["county_name"].map(_plain)
    unknown = distributions.loc[~names.isin(by_name.index), "county_name"]
    if len(unknown):
        raise CalibrationError(f"county {unknown.iloc[0]!r} is in no list of counties; correct the county shares")
    shares = pd.DataFrame(
        {
            "district": normalise_districts(distributions["cd_geoid"]),
            "county": by_name.loc[names].to_numpy(np.int32),
            "probability": distributions["probability"].to_numpy(np.float64),
        }
    )
    check_county_shares(shares)
    return shares.sort_values(["district", "county"], ignore_index=True)


def county_shares_from_blocks(blocks: pd.DataFrame) -> pd.DataFrame:
    """The same table from shares by census block: cd_geoid, block_geoid (15-character text), probability.

    This is the documented format of `block_cd_distributions.csv.gz`; probabilities sum to 1 within a district.
    """
    bad = blocks[~blocks["block_geoid"].astype(str).str.fullmatch(r"\d{15}")]
    if len(bad):
        raise CalibrationError(f"block {bad['block_geoid'].iloc[0]!r} is no 15-digit code; read the blocks as text")
    shares = pd.DataFrame(
        {
            "district": normalise_districts(blocks["cd_geoid"]),
            "county": blocks["block_geoid"].str[:5].astype("int32"),
            "probability": blocks["probability"].astype("float64"),
        }
    )
    summed = shares.groupby(["district", "county"])["probability"].sum().reset_index()
    check_county_shares(summed)
    return summed


def check_county_shares(shares: pd.DataFrame) -> None:
    """Every one of the 436 districts once a county, in its own state, with shares that sum to 1."""
    astray = shares[shares["county"] // 1000 != shares["district"] // 100]
    if len(astray):
        row = astray.iloc[0]
        raise CalibrationError(f"county {row['county']:.0f} lies outside the state of district {row['district']:.0f}")
    totals = shares.groupby("district")["probability"].sum()
    if len(totals) != N_DISTRICTS or not np.allclose(totals, 1, atol=1e-6):
        gap = float((totals - 1).abs().max())
        raise CalibrationError(
            f"county shares cover {len(totals)} districts whose sums differ from 1 by up to {gap:.6f}, "
            f"expected {N_DISTRICTS} districts that each sum to 1"
        )


def _plain(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]", "", ascii_name.upper())


def read_shares(geocorr: pd.DataFrame, congress: int) -> pd.DataFrame:
    """Population shares of the 117th Congress's districts in a later one's: old, new, share (sums to 1 by old).

    `geocorr` is a Geocorr 2022 table with state, cd117, cd<congress>, pop20 (population of 2020), all as text.
    """
    assigned = geocorr["cd117"].str.isdigit() & geocorr[f"cd{congress}"].str.isdigit()
    inside = geocorr[assigned & (geocorr["state"].astype(int) <= max(STATE_FIPS.values()))]
    state = inside["state"].astype(int) * 100
    frame = pd.DataFrame(
        {
            "old": normalise_districts(state + inside["cd117"].astype(int)),
            "new": normalise_districts(state + inside[f"cd{congress}"].astype(int)),
            "population": inside["pop20"].astype(float),
        }
    )
    frame["share"] = frame["population"] / frame.groupby("old")["population"].transform("sum")
    found = frame["new"].nunique()
    if found != N_DISTRICTS:
        raise CalibrationError(f"the crosswalk to Congress {congress} names {found} districts, expected {N_DISTRICTS}")
    return frame.sort_values(["old", "new"], ignore_index=True)


def chain_shares(to_118: pd.DataFrame, to_119: pd.DataFrame) -> pd.DataFrame:
    """Population shares of the 118th Congress's districts in the 119th's: old, new, share, approximate.

    States whose two crosswalks agree keep their districts. In the others the overlap is not published: within each
    district of the 117th as many people as both crosswalks allow stay in the district of their number, and the rest
    move in proportion to what is left on both sides, so that the populations of both Congresses come out.
    """
    merged = to_118.merge(to_119, on=["old", "new"], how="outer", suffixes=("_118", "_119"), validate="1:1").fillna(0.0)
    moved = merged.loc[merged["population_118"] != merged["population_119"], "old"] // 100
    stays = merged[["population_118", "population_119"]].min(axis="columns")
    kept = pd.DataFrame({"old": merged["new"], "new": merged["new"], "population": stays})
    left = merged.assign(leaving=merged["population_118"] - stays, arriving=merged["population_119"] - stays)
    pairs = left.loc[left["leaving"] > 0, ["old", "new", "leaving"]].merge(
        left.loc[left["arriving"] > 0, ["old", "new", "arriving"]], on="old", suffixes=("_118", "_119"), validate="m:m"
    )
    moving = pairs["leaving"] * pairs["arriving"] / left.groupby("old")["arriving"].sum().loc[pairs["old"]].to_numpy()
    moves = pd.DataFrame({"old": pairs["new_118"], "new": pairs["new_119"], "population": moving})
    joint = pd.concat([kept, moves]).groupby(["old", "new"], as_index=False)["population"].sum()
    joint = joint[joint["population"] > 0].reset_index(drop=True)
    joint["share"] = joint["population"] / joint.groupby("old")["population"].transform("sum")
    joint["approximate"] = (joint["old"] // 100).isin(moved.unique())
    return joint.drop(columns="population")


def carry_figures(figures: pd.DataFrame, shares: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Figures by district of one Congress as figures by district of another; totals by `keys` are preserved.

    `figures` has district, value and the key columns; `shares` has old, new and share. A district without shares is an
    error.
    """
    missing = set(figures["district"]) - set(shares["old"])
    if missing:
        raise CalibrationError(
            f"district {min(missing)} is not in the crosswalk of {shares['old'].nunique()} districts"
        )
    spread = figures.merge(shares, left_on="district", right_on="old", validate="m:m")
    spread = spread.assign(district=spread["new"].astype("int32"), value=spread["value"] * spread["share"])
    return spread.groupby(["district", *keys], dropna=False)["value"].sum().reset_index()
