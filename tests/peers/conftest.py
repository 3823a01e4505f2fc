"""Reports which peers the tests ran against; in CI all that are required must have."""

from __future__ import annotations

import os
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent

# Test file: name, distributions on PyPI (the first that is installed counts), required in CI.
PEERS = {
    "scipy": ("SciPy", ("scipy",), True),
    "sklearn": ("scikit-learn", ("scikit-learn",), True),
    "statsmodels": ("statsmodels", ("statsmodels",), False),
    "torch": ("PyTorch", ("torch",), True),
    "jax": ("JAX", ("jax",), True),
    "optax": ("Optax", ("optax",), False),
    "entmax": ("entmax", ("entmax",), False),
    "torchmetrics": ("TorchMetrics", ("torchmetrics",), False),
    "dask": ("Dask", ("dask",), True),
    "strict": ("array-api-strict", ("array-api-strict",), True),
    "tensorflow": ("TensorFlow", ("tensorflow-cpu", "tensorflow"), False),
}

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"  # to see that the device is kept
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # else it tells on every import what the processor can do


def pytest_ignore_collect(config):
    return None if _is_ours(config) else True


def _is_ours(config):
    """Say whether this run is of the peers: `make test` walks through this folder too, and has none."""
    return config.inipath == HERE / "pytest.ini"


def pytest_terminal_summary(terminalreporter):
    if not _is_ours(terminalreporter.config):
        return
    counts = _counts(terminalreporter)
    terminalreporter.section("peers")
    for module, (name, packages, _) in PEERS.items():
        told = ", ".join(
            f"{counts[module, outcome]} {outcome}" for outcome in OUTCOMES if counts[module, outcome]
        )
        if told:
            terminalreporter.line(f"{name} {_installed(packages)}: {told}")
    terminalreporter.line(f"missing: {', '.join(_missing(counts)) or 'none'}")


def pytest_sessionfinish(session):
    # A selection of tests says nothing about the peers left out.
    selected = session.config.option.keyword or any("::" in argument for argument in session.config.args)
    if selected or os.environ.get("CI") != "true" or not _is_ours(session.config):
        return
    missing = _missing(_counts(session.config.pluginmanager.get_plugin("terminalreporter")))
    if session.exitstatus == 0 and any(name.endswith(REQUIRED) for name in missing):
        session.exitstatus = 1


OUTCOMES = ("passed", "failed", "error")
REQUIRED = " (required in CI)"


def _counts(terminalreporter):
    """Return how many tests of each file had each outcome."""
    return Counter(
        (Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_"), outcome)
        for outcome in OUTCOMES
        for report in terminalreporter.getreports(outcome)
    )


def _missing(counts):
    """Return the names of the peers of which no test ran."""
    return [
        name + REQUIRED * required
        for module, (name, _, required) in PEERS.items()
        if not any(counts[module, outcome] for outcome in OUTCOMES)
    ]


def _installed(packages):
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "of unknown version"
