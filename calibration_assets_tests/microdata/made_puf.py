"""A made Public Use File in the IRS's two layouts; its marginals are those of IRS SOI Publication 1304, tax year 2023.

Nobody's return: every amount is drawn. High incomes are drawn twenty times as often and weigh a twentieth.
"""

import h5py
import numpy as np
import pandas as pd

RETURNS = 160.6e6
MARGINALS = {
    # variable: (fields of the IRS, millions of returns with it, billions of dollars, spread of the logarithm)
    "employment_income": ("E00200", 128.59, 10204.1, 0.9),
    "taxable_interest_income": ("E00300", 55.26, 313.8, 1.6),
    "tax_exempt_interest_income": ("E00400", 6.89, 66.1, 1.5),
    "qualified_dividend_income": ("E00650", 31.11, 336.1, 1.6),
    "long_term_capital_gains": ("P23250", 12.39, 900.0, 1.6),
    "short_term_capital_gains": ("P22250", 6.0, 60.0, 1.5),
    "taxable_ira_distributions": ("E01400", 16.69, 438.2, 0.9),
    "taxable_pension_income": ("E01700", 29.54, 932.1, 0.9),
    "self_employment_income": ("E00900", 21.41, 530.4, 1.2),
    "partnership_s_corp_income": ("E26270", 7.4, 1249.5, 1.5),
    "rental_income": ("E25850", 6.35, 138.6, 1.2),
    "social_security": ("E02400", 32.1, 973.6, 0.4),
    "taxable_unemployment_compensation": ("E02300", 4.7, 30.9, 0.8),
    "charitable_cash_donations": ("E19800", 11.75, 170.0, 1.2),
    "charitable_non_cash_donations": ("E20100", 6.0, 42.0, 1.2),
    "deductible_mortgage_interest": ("E19200", 11.67, 172.4, 0.7),
    "student_loan_interest": ("E03210", 8.0, 8.0, 0.5),
    "health_savings_account_ald": ("E03290", 2.0, 5.5, 0.5),
    "foreign_tax_credit": ("E07300", 9.0, 27.0, 1.5),
    "unrecaptured_section_1250_gain": ("E24515", 0.9, 30.0, 1.4),
    "educator_expense": ("E03220", 3.5, 1.0, 0.2),
    "farm_operations_income": ("E02100", 1.7, 20.0, 1.0),
}
OF_THE_UNIT = {"health_savings_account_ald", "foreign_tax_credit", "unrecaptured_section_1250_gain"}
EARNINGS = {"employment_income", "self_employment_income", "farm_operations_income"}
OLD = {"social_security", "taxable_pension_income", "taxable_ira_distributions"}


def made_returns(count: int, seed: int = 0) -> pd.DataFrame:
    """Returns with MARS, ages, dependants, weight (returns) and the variables of MARGINALS."""
    draw = np.random.default_rng(seed)
    rich = np.arange(count) < count // 5
    high = draw.normal(size=count) + np.where(rich, 2.0, 0.0)
    weight = np.where(rich, 0.05, 1.0)
    age = draw.integers(18, 80, count)
    joint = draw.random(count) < np.where(age > 30, 0.42, 0.1)
    columns = {
        "RECID": np.arange(count) * 3 + 7,
        "MARS": np.where(joint, 2, draw.choice([1, 3, 4], count, p=[0.75, 0.03, 0.22])),
        "weight": weight * RETURNS / weight.sum(),
        "age": age,
        "GENDER": draw.integers(1, 3, count),
        "dependants": np.where((age > 22) & (age < 60), draw.choice(4, count, p=[0.5, 0.2, 0.2, 0.1]), 0),
        "EARNSPLIT": np.where(joint, draw.integers(1, 4, count), 0),
    }
    for name, (_, millions, billions, spread) in MARGINALS.items():
        lean = 0.5 * (high - np.average(high, weights=weight))
        odds = lean + draw.normal(size=count) + (np.where(age >= 62, 1.0, -1.0) if name in OLD else 0.0)
        has = odds > weighted_threshold(odds, weight, millions * 1e6 / RETURNS)
        amount = np.where(has, np.exp(spread * (0.6 * high + 0.8 * draw.normal(size=count))), 0.0)
        mean = billions * 1e9 / RETURNS
        columns[name] = np.round(amount * mean / np.average(amount, weights=weight))
    return pd.DataFrame(columns)


def weighted_threshold(values: np.ndarray, weight: np.ndarray, share: float) -> float:
    """The value that the given share of the weight exceeds."""
    order = np.argsort(values)
    return values[order][np.searchsorted(np.cumsum(weight[order]), (1 - share) * weight.sum())]


def write_csv(folder, returns: pd.DataFrame, year: int = 2015) -> None:
    """`puf_<year>.csv` and `demographics_<year>.csv`; the last row stands for a group of returns."""
    fields = {field: returns[name] for name, (field, *_) in MARGINALS.items()}
    table = pd.DataFrame(
        {"RECID": returns["RECID"], "MARS": returns["MARS"], "S006": returns["weight"] * 100, **fields}
    )
    table = table.assign(E00600=table["E00650"] * 1.4, E25860=0.0, E01500=table["E01700"] * 1.5)
    group = table.iloc[[0]].assign(RECID=999_999, MARS=0)
    pd.concat([table, group]).to_csv(folder / f"puf_{year}.csv", index=False)
    bands = np.searchsorted([26, 35, 45, 55, 65], returns["age"], side="right") + 1
    ages = {f"AGEDP{place}": np.where(returns["dependants"] >= place, place + 1, 0) for place in (1, 2, 3)}
    people = returns[["RECID", "GENDER", "EARNSPLIT"]].assign(AGERANGE=bands, **ages)
    people.to_csv(folder / f"demographics_{year}.csv", index=False)


def made_arrays(returns: pd.DataFrame) -> dict[str, np.ndarray]:
    """The arrays of `puf_<year>.h5`: persons, and one unit of every kind a return."""
    joint = (returns["MARS"] == 2).to_numpy()
    size = 1 + joint + returns["dependants"].to_numpy()
    unit = np.repeat(np.arange(len(returns)), size)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(size) - size, size)
    head, spouse = place == 0, (place == 1) & joint[unit]
    ids = returns["RECID"].to_numpy()
    arrays = {f"{kind}_id": ids for kind in ("tax_unit", "household", "spm_unit", "family", "marital_unit")}
    arrays |= {f"person_{name}": values[unit] for name, values in arrays.items()}
    arrays |= {
        "person_id": np.arange(len(unit)),
        "age": np.where(head | spouse, returns["age"].to_numpy()[unit], 3 * place + 2).astype(float),
        "household_weight": returns["weight"].to_numpy(),
        "is_male": (head & (returns["GENDER"].to_numpy()[unit] == 1)).astype(float),
        "filing_status": np.where(joint, b"JOINT", b"SINGLE"),
        "is_tax_unit_head": head.astype(float),
        "is_tax_unit_spouse": spouse.astype(float),
        "is_tax_unit_dependent": (~head & ~spouse).astype(float),
    }
    even = np.where(head | spouse, np.where(joint[unit], 0.5, 1.0), 0.0)
    for name in MARGINALS:
        amounts = returns[name].to_numpy()
        arrays[name] = amounts if name in OF_THE_UNIT else amounts[unit] * (head if name in EARNINGS else even)
    arrays["business_is_sstb"] = (arrays["self_employment_income"] > 50_000).astype(float)
    return arrays


def write_h5(path, arrays: dict[str, np.ndarray]) -> None:
    """One dataset a variable, as in the layout without periods."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
