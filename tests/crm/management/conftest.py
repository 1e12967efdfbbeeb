"""Commands that run in the process of the tests."""

from tests.support.in_process import new_installation

__all__ = ["new_installation"]
