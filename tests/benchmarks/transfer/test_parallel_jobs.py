"""Jobs in processes."""

import importlib.util


def test_the_modules_of_the_project_that_are_preloaded_exist(load):
    """The server process ignores a name that it cannot import; jobs would then import everything themselves."""
    own = [name for name in load("parallel_jobs").PRELOADED_MODULES if name.startswith(("training.", "eval."))]
    assert len(own) > 4
    assert [name for name in own if importlib.util.find_spec(name) is None] == []
