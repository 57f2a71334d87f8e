"""Donor surveys, one file each, with the same shape (`survey.py`)."""

from calibration_assets.microdata.surveys.acs import ACS
from calibration_assets.microdata.surveys.org import ORG
from calibration_assets.microdata.surveys.scf import SCF
from calibration_assets.microdata.surveys.sipp import SIPP
from calibration_assets.microdata.surveys.survey import Survey

SURVEYS: dict[str, Survey] = {survey.key: survey for survey in (ACS, SIPP, ORG, SCF)}
"""In the order in which they are imputed."""
