"""One thread for PyTorch: on a few busy processors more of them wait for each other."""

import torch

torch.set_num_threads(1)
