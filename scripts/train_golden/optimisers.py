"""Five steps of each optimiser over a small vector, with another learning rate in each step. The gradients are given."""

import numpy as np
import torch

from case import Case, random, uniform

SIZE, STEPS = 37, 5
RATES = [0.05, 0.1, 0.075, 0.05, 0.025]

# Name: optimiser and its parameters, by PyTorch's names.
OPTIMISERS = {
    "sgd": ("sgd", {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0}),
    "sgd_momentum": ("sgd", {"momentum": 0.9, "nesterov": False, "weight_decay": 0.0}),
    "sgd_momentum_decay": ("sgd", {"momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}),
    "sgd_nesterov": ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.0}),
    "sgd_nesterov_decay": ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-2}),
    "adam": ("adam", {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0}),
    "adam_decay": ("adam", {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 1e-2}),
    "adam_keras_epsilon": ("adam", {"betas": [0.8, 0.99], "eps": 1e-7, "weight_decay": 0.0}),
    "adamw": ("adamw", {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 1e-2}),
    "adamw_strong_decay": ("adamw", {"betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.5}),
}
CLASSES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
STATE = {"momentum_buffer": "momentum", "exp_avg": "first_moment", "exp_avg_sq": "second_moment"}


def trace(name, kind, parameters):
    rng = random(name)
    weights, gradients = uniform(rng, SIZE), uniform(rng, STEPS, SIZE) * np.float32(0.5)
    gradients[:, :3] *= np.float32([0, 1e-6, 1e3])  # no gradient at all, a tiny and a large one
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    optimiser = CLASSES[kind]([w], lr=RATES[0], **parameters)
    after = []
    for rate, gradient in zip(RATES, gradients):
        optimiser.param_groups[0]["lr"] = rate
        w.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        after.append(w.detach().numpy().copy())
    state = {STATE[key]: value.numpy() for key, value in optimiser.state[w].items() if key in STATE and value is not None}
    arrays = {"weights": weights, "gradients": gradients, "after": np.stack(after), **state}
    return Case(name, "optimiser", {"kind": kind, "learning_rates": RATES, **parameters}, arrays)


def cases():
    for name, (kind, parameters) in OPTIMISERS.items():
        yield trace(name, kind, parameters)
