"""What every target costs: its part of the fit's loss, the loss's slope, its shadow price."""

import numpy as np
import pandas as pd
import torch

from calibration_assets.fit.objective import Objective


def target_losses(estimates: np.ndarray, objective: Objective) -> pd.DataFrame:
    """By target: `loss`, its part of the objective; `slope`, the loss's derivative in the estimate; `shadow_price`.

    The shadow price is how much the loss would fall, to first order, if the estimate came nearer to the target by 1 %
    of the target's value and nothing else moved: large where other targets hold one back.
    """
    on_device = torch.from_numpy(np.array(estimates, dtype=np.float64)).to(objective.targets.device)
    squares = ((on_device - objective.targets) / objective.scales) ** 2
    loss = objective.importance * (squares / (1 + squares) if objective.capped else squares)
    slope = objective.value_and_slope(on_device)[1]
    price = (slope * objective.targets).abs() / 100
    parts = {"loss": loss, "slope": slope, "shadow_price": price}
    return pd.DataFrame({name: part.cpu().numpy() for name, part in parts.items()})
