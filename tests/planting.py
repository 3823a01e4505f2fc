"""A plugin of pytest that spoils results, one at a time: each accuracy test must notice.

    PYTHONPATH=tests pytest -p planting -m accuracy tests/numerics

runs every test that is marked so as it is, where it must pass, and then again for each floating-point result
of each function of xentlib that it calls: with nan in one entry of it, and with one entry wrong by 64 eps, or
by as many as the marker says. A test that passes in spite of that fails here. Every marked test is run; of
its parametrisations, one for each function under test stands for all.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings

import xentlib
from xentlib import _kernel, differences

COMPARES = re.compile(r"\bassert_\w+\(|\berror_in_eps\(")


class Plant:
    """What is spoilt now: nothing, until a test is run."""

    def __init__(self) -> None:
        self.place: str | None = None
        self.eps: float | None = None
        """By how much; None for nan."""
        self.seen: dict[str, None] = {}
        """Every place so far: a function, and where in its result."""
        self.signs: Iterator[int] = itertools.cycle([1, -1])

    def spoil(self, name: str, result: Any, unit: float) -> Any:
        """Return the result, which is spoilt if it stands in the place."""
        if isinstance(result, tuple):
            parts = [self.spoil(f"{name}[{n}]", part, unit) for n, part in enumerate(result)]
            return result._make(parts) if hasattr(result, "_make") else tuple(parts)
        values = np.array(result, order="C")  # so that its flat form is no copy
        if values.dtype.kind != "f" or values.size == 0:
            return result
        self.seen[name] = None
        if name != self.place:
            return result
        flat = values.reshape(-1)
        if self.eps is None:
            flat[-1] = np.nan  # Python's max keeps it only where it comes first
        else:
            # The largest entry: of a smaller one the error may be within what is allowed for all.
            at = int(np.argmax(np.where(np.isfinite(flat), np.abs(flat), -1)))
            # Of other signs in turn, lest the errors of two results that are compared be the same.
            error = next(self.signs) * self.eps * unit * max(abs(flat[at]), np.finfo(flat.dtype).tiny)
            flat[at] = flat[at] + error if np.isfinite(flat[at]) else 0
        if not isinstance(result, np.ndarray):
            return type(result)(values[()])
        result[...] = values  # which may be the caller's own array
        return result


PLANT = Plant()


def unit_of(arguments: tuple[Any, ...], result: Any) -> float:
    """Return the eps of the narrowest dtype of the arguments and the result."""
    parts = [*arguments, *(result if isinstance(result, tuple) else [result])]
    dtypes = [part.dtype for part in parts if hasattr(part, "dtype") and part.dtype.kind == "f"]
    return max([float(np.finfo(dtype).eps) for dtype in dtypes], default=2.0**-52)


def spoiled(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the function as tests shall see it; what xentlib calls itself is not spoilt."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if sys._getframe(1).f_globals.get("__name__", "").startswith("xentlib"):
            return result
        return PLANT.spoil(name, result, unit_of(arguments, result))

    return wrapper


def wrap(module: ModuleType) -> None:
    """Put the wrappers into a module: into its public functions and the properties of its classes."""
    # What the package loads when it is asked for stands in dir alone.
    for name, value in [(name, getattr(module, name)) for name in dir(module)]:
        if name.startswith("_") or not getattr(value, "__module__", "").startswith("xentlib"):
            continue
        if isinstance(value, FunctionType):
            setattr(module, name, spoiled(value, name))
        elif isinstance(value, type):
            for member, of_class in list(vars(value).items()):
                if isinstance(of_class, property) and of_class.fget:
                    setattr(value, member, property(spoiled(of_class.fget, f"{name}.{member}")))


def pytest_configure() -> None:
    """Wrap before a test module is imported, which takes the functions by name."""
    for module in (xentlib, differences, _kernel):
        wrap(module)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that compares numbers and is not marked."""
    tests = [item for item in items if isinstance(item, pytest.Function)]
    for test in tests:
        marked = test.get_closest_marker("accuracy") is not None
        if not marked and COMPARES.search(inspect.getsource(test.function)):
            message = f"{test.nodeid} compares numbers: mark it with accuracy"
            raise pytest.UsageError(message)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep one parametrisation of each test and function, the middle one: the first is often trivial."""
    groups: dict[Any, list[pytest.Function]] = {}
    for item in session.items:
        if isinstance(item, pytest.Function):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            key = item.nodeid.partition("[")[0], parameters.get("function")
            groups.setdefault(key, []).append(item)
    session.items[:] = [group[len(group) // 2] for group in groups.values()]
    # Of made-up inputs a few, and what is spoilt at one of them need not be found again at a smaller one.
    few = settings(settings(), max_examples=20, phases=[Phase.generate], report_multiple_bugs=False)
    for test in {item.function for item in session.items if isinstance(item, pytest.Function)}:
        if hasattr(test, "is_hypothesis_test"):
            few(test)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the test as it is, and then spoil its results."""
    marker = pyfuncitem.get_closest_marker("accuracy")
    if marker is None:
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    test = functools.partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    PLANT.place, PLANT.seen = None, {}
    test()
    places = list(PLANT.seen)
    passed = []
    for place, kind in itertools.product(places, ("nan", "error")):
        PLANT.place = place
        PLANT.eps = None if kind == "nan" else marker.kwargs.get("eps", 64)
        try:
            test()
        # What is handed on with nan in it may be refused.
        except (AssertionError, ValueError, ExceptionGroup):
            continue
        finally:
            PLANT.place = None
        passed.append(f"{kind} in {place}")
    pyfuncitem.user_properties.append(("planted", 2 * len(places)))
    assert places, "no function of xentlib is called"
    assert not passed, f"passes in spite of {', '.join(passed)}"
    return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many were planted."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    planted = sum(dict(report.user_properties).get("planted", 0) for report in reports)
    terminalreporter.line(f"planted {planted} errors in {len(reports)} tests")
