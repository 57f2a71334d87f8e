"""Whether a package still belongs to the inputs at hand, by content keys; times play no part."""

from collections.abc import Mapping
from typing import Any

from calibration_assets.errors import CalibrationError


def stale_inputs(metadata: Mapping[str, Any], at_hand: Mapping[str, str]) -> list[str]:
    """Names of the inputs at hand whose key is not the one that the package was made from, sorted."""
    keys = metadata.get("keys", {})
    return sorted(name for name, key in at_hand.items() if keys.get(name) != key)


def check_fresh(metadata: Mapping[str, Any], at_hand: Mapping[str, str]) -> None:
    """Refuse a package that was made from other inputs than those at hand, naming each."""
    differing = stale_inputs(metadata, at_hand)
    if differing:
        keys = metadata.get("keys", {})
        listed = ", ".join(f"{name} {keys.get(name, 'unknown')[:12]} (now {at_hand[name][:12]})" for name in differing)
        raise CalibrationError(
            f"package: it was made from other inputs than those at hand: {listed}; build it again, or fit it as it is "
            "with --allow-stale."
        )
