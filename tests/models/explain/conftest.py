"""Most tests here run without compiling: on a few units that is quicker."""

import pytest

from models import backend


@pytest.fixture(autouse=True)
def uncompiled(request, monkeypatch):
    """Every function as it is, unless the test asks for `compiled`."""
    if "compiled" not in request.fixturenames:
        monkeypatch.setattr(backend, "compiled", lambda function, signature=None: function)


@pytest.fixture
def compiled():
    """The test runs compiled functions."""
