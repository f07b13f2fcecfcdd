"""A process group of one rank."""

import pytest
import torch

from training.engine.launch_environment import Ranks


@pytest.fixture
def alone(tmp_path):
    """A process group of one."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield Ranks(0, 0, 1, 1)
    torch.distributed.destroy_process_group()
