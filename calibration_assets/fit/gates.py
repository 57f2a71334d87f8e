"""Hard-concrete gates (Louizos, Welling and Kingma 2018): constants and closed forms.

A gate is z = clip(s (zeta - gamma) + gamma, 0, 1); drawn with s = sigmoid((logit u + alpha) / beta), evaluated with
s = sigmoid(alpha / beta). The drawing itself is inlined where it must be fast, in the engine.
"""

import math

import torch

GAMMA = -0.1
ZETA = 1.1
STRETCH = ZETA - GAMMA
ALPHA_BOUND = 20.0
UNIFORM_MARGIN = 1e-6
START_KEEP_PROBABILITY = 0.999


def evaluate_gates(alpha: torch.Tensor, beta: float) -> torch.Tensor:
    """Gates without noise, shape of alpha, in [0, 1]."""
    s = torch.sigmoid(alpha.clamp(-ALPHA_BOUND, ALPHA_BOUND) / beta)
    return (s * STRETCH + GAMMA).clamp_(0, 1)


def penalty_shift(beta: float) -> float:
    """c in P(gate open) = sigmoid(alpha + c)."""
    return -beta * math.log(-GAMMA / ZETA)
