"""The group over which ranks agree to end."""

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.engine.interruption import Interruption


def test_the_error_of_ranks_that_cannot_meet_over_gloo_names_the_variable_to_set(tmp_path, monkeypatch):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "no0")
    try:
        with (
            pytest.raises(ConfigurationError, match=r"cannot reach each other with gloo .*no0.* GLOO_SOCKET_IFNAME"),
            Interruption(),
        ):
            pass
    finally:
        torch.distributed.destroy_process_group()
