"""How pytest runs the chapters: nbval compares what they print with what is stored."""

import sys

import forking
from cells import pytest_make_collect_report  # noqa: F401 - a hook of pytest

if sys.platform == "linux":  # elsewhere a system library may have started threads, which forking loses
    forking.fork_kernels()
