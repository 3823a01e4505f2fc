"""The tables of the book about the libraries' conventions: each row is run, and is seen to fail when altered.

A row of ``book/data/frameworks.json`` has a call, the answer of its topic that it belongs to (a word of the
topic's, with a formula in xentlib) and the value that the library returned. It holds if the library returns
that value, if the formula gives it, and if the formula of no other answer does. A recipe has two calls, one
of xentlib, that must give the same. Keras runs on TensorFlow; a row with another backend is run in a process
that has it, and must differ from the same call on TensorFlow.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import xentlib

ROOT = Path(__file__).parents[2]
BOOK = json.loads((ROOT / "book" / "data" / "frameworks.json").read_text(encoding="utf-8"))
ROWS = [(topic, row) for topic in BOOK["topics"] for row in topic["rows"]]
RECIPES = BOOK["recipes"]

# The values are stored with 7 digits; most libraries compute in float32, with an eps of 1.2e-7.
RTOL, ATOL = 3e-6, 1e-7

# Library: what a call of it looks like, so that no row stands under another's name.
MARKS = {
    "PyTorch": r"\bF\.|\btorch\.",
    "Optax": r"\boptax\.",
    "JAX": r"^jax\.",
    "TensorFlow": r"^tf\.",
    "Keras": r"^[A-Z]\w+\(|\blosses\.|\bkeras\.|^model\.fit\(",
    "scikit-learn": r"\blog_loss\(",
    "SciPy": r"\bspecial\.|\bstats\.",
    "xentlib": r"\bxl\.",
}


def arrays(make, real):
    """Return the inputs of the tables as arrays of a library."""
    found = {}
    for name, numbers in BOOK["inputs"].items():
        whole = name in ("c", "k", "C")
        found[name] = np.array(numbers, np.uint8 if name == "u" else np.int64 if whole else np.float64)
    found["P"] = xentlib.softmax(found["z"])
    return {
        name: make(array if array.dtype.kind in "iu" else array.astype(real)) for name, array in found.items()
    } | {"inf": np.inf, "nan": np.nan}


def refuse():
    raise ValueError


def pick(p, labels):
    return np.take_along_axis(p, np.asarray(labels)[:, None], -1)[:, 0]


@cache
def names(library):
    """Return what a call of a library may name."""
    if library == "PyTorch":
        torch = pytest.importorskip("torch", exc_type=ImportError)
        return arrays(torch.tensor, np.float64) | {
            "torch": torch, "F": torch.nn.functional, "Categorical": torch.distributions.Categorical
        }  # fmt: skip
    if library in ("JAX", "Optax"):
        jax = pytest.importorskip("jax", exc_type=ImportError)
        jnp = import_module("jax.numpy")
        found = arrays(jnp.asarray, np.float32) | {"jax": jax, "jnp": jnp}
        if library == "Optax":
            found["optax"] = pytest.importorskip("optax", exc_type=ImportError)
        return found
    if library in ("TensorFlow", "Keras"):
        tf = pytest.importorskip("tensorflow", exc_type=ImportError)
        keras = pytest.importorskip("keras", exc_type=ImportError)
        losses = {name: getattr(keras.losses, name) for name in dir(keras.losses) if name[0].isupper()}
        model = keras.Sequential([keras.layers.Identity()])
        model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return arrays(np.copy, np.float32) | losses | {
            "tf": tf, "keras": keras, "losses": keras.losses, "model": model
        }  # fmt: skip
    found = arrays(np.copy, np.float64) | {"np": np}
    if library == "scikit-learn":
        metrics = pytest.importorskip("sklearn.metrics", exc_type=ImportError)
        return found | {"log_loss": metrics.log_loss}
    if library == "SciPy":
        pytest.importorskip("scipy", exc_type=ImportError)
        return found | {"special": import_module("scipy.special"), "stats": import_module("scipy.stats")}
    return found | {
        "xl": xentlib, "refuse": refuse, "pick": pick,
        "L": xentlib.softmax_cross_entropy(found["z"], found["c"]),
        "E": -xentlib.log_softmax(found["z"]),
        "Y": xentlib.smooth_labels(found["I"][found["c"]], 0.3),
    }  # fmt: skip


@cache
def elsewhere(backend):
    """Return what the calls on a backend of Keras give, by call, from a process that has it."""
    pytest.importorskip(backend.lower(), exc_type=ImportError)
    names("Keras")  # skips where there is none
    code = (
        "import json, test_frameworks as here\n"
        f"pairs = [pair for pair in here.ROWS if pair[1].get('backend') == {backend!r}]\n"
        "found = {row['call']: here.run(row['call'], 'Keras', topic.get('of')) for topic, row in pairs}\n"
        "print(json.dumps([here.names('Keras')['keras'].backend.backend(), found]))"
    )
    paths = [str(ROOT), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"KERAS_BACKEND": backend.lower(), "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    used, found = json.loads(done.stdout.splitlines()[-1])
    assert used == backend.lower()
    return found


@cache
def run(expression, library, of=None, backend=None):
    """Return what an expression gives, rounded to the digits that are stored; what fails, by its error."""
    if backend:
        return elsewhere(backend)[expression]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        given = names(library)
        try:
            found = np.asarray(eval(expression, dict(given)), np.float64)
        except Exception as error:
            return {"value": "refused", "error": type(error).__name__}
        if of is not None:
            found = found[0, 0] if of == "first" else found.sum() if of == "sum" else found.mean()
    return {"value": stored(found)}


def stored(found):
    """Return a number, or a list of numbers, as JSON has it."""
    if np.ndim(found):
        return [stored(part) for part in found]
    return float(f"{found:.7g}") + 0.0 if np.isfinite(found) else str(float(found))


def same(one, other):
    """Say whether two values are the same to the digits stored."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return one.shape == other.shape and bool(np.all(np.abs(one - other) <= ATOL + RTOL * np.abs(other)))


def faults(topic, row):
    """Return what is wrong with a row."""
    wrong = []
    if not re.search(MARKS[row["library"]], row["call"]):
        wrong.append(f"{row['call']} is not of {row['library']}")
        return wrong
    of = topic.get("of")
    found = run(row["call"], row["library"], of, row.get("backend"))
    if not same(found["value"], row["value"]) or found.get("error") != row.get("error"):
        wrong.append(f"the library gives {found}")
    for key, answer in topic["answers"].items():
        agrees = same(row["value"], run(answer["ours"], "xentlib", of)["value"])
        if agrees != (key == row["answer"]):
            wrong.append(f"{answer['ours']} is {row['value']}: {agrees}")
    return wrong


def alterations(topic, row):
    """Yield the row with another answer, value, error or library."""
    for other in topic["answers"]:
        if other != row["answer"]:
            yield row | {"answer": other}
    value = copy.deepcopy(row["value"])
    if isinstance(value, list):
        for place in range(len(value)):
            changed = copy.deepcopy(value)
            changed[place] = changed[place] * (1 + 1e-4)
            yield row | {"value": changed}
    elif isinstance(value, str):
        for other in ("nan", "inf", "refused", 0.0):
            if other != value:
                yield row | {"value": other}
    else:
        for other in (value * (1 + 1e-4) + 1e-4 * (value == 0), -value - (value == 0), "nan", "refused"):
            yield row | {"value": other}
    if "error" in row:
        yield row | {"error": "NameError"}
    else:
        yield row | {"error": "ValueError"}
    for library in MARKS:
        if library != row["library"]:
            yield row | {"library": library}
    if "backend" in row:
        yield row | {"backend": None}


def name_of(pair):
    topic, row = pair
    library = f"{row['library']} on {row['backend']}" if "backend" in row else row["library"]
    return f"{topic['topic']}: {library} {row['call']}"


@pytest.mark.parametrize("pair", ROWS, ids=name_of)
def test_a_row_holds(pair):
    assert faults(*pair) == []


@pytest.mark.parametrize("pair", ROWS, ids=name_of)
def test_every_row_is_seen_to_fail_when_altered(pair):
    topic, row = pair
    altered = list(alterations(topic, row))
    assert len(altered) >= 8
    for wrong in altered:
        assert faults(topic, wrong), wrong


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe['library']}: {recipe['task']}")
def test_a_recipe_translates(recipe):
    assert re.search(MARKS[recipe["library"]], recipe["theirs"])
    assert "xl." in recipe["ours"]
    theirs, ours = run(recipe["theirs"], recipe["library"]), run(recipe["ours"], "xentlib")
    assert same(theirs["value"], recipe["value"])
    assert same(ours["value"], recipe["value"])
    # A value that is the same for another task would show little.
    others = [other["value"] for other in RECIPES if other["task"] != recipe["task"]]
    assert not any(same(recipe["value"], other) for other in others)


def test_a_weighted_target_has_the_wrong_gradient_in_tensorflow():
    """The value is right in both libraries, and Optax's gradient is; the book warns of TensorFlow's."""
    jax, optax = names("Optax")["jax"], names("Optax")["optax"]
    tf, keras, z, w, c = (names("Keras")[name] for name in ("tf", "keras", "z", "w", "c"))
    target = w * (0.9 * np.eye(3, dtype=np.float32)[c] + np.float32(0.1 / 3))
    value = -(target * xentlib.log_softmax(z)).sum()
    grad = target.sum(axis=1, keepdims=True) * xentlib.softmax(z) - target
    found, by_optax = jax.value_and_grad(lambda z: optax.softmax_cross_entropy(z, target).sum())(z)
    assert float(found) == pytest.approx(float(value), rel=1e-6, abs=0)
    assert np.abs(by_optax - grad).max() <= 1e-6
    for loss in (
        lambda z: tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(target, z)),
        lambda z: keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")(target, z),
    ):
        logits = tf.Variable(z)
        with tf.GradientTape() as tape:
            found = loss(logits)
        assert float(found) == pytest.approx(float(value), rel=1e-6, abs=0)
        wrong = tape.gradient(found, logits).numpy()
        assert np.abs(wrong - (xentlib.softmax(z) - target)).max() <= 1e-6  # it takes the sum to be 1
        assert np.abs(wrong - grad).max() / w[c].sum() > 0.2


@pytest.mark.parametrize("library", MARKS)
def test_no_call_changes_its_arguments(library):
    given = names(library)
    for topic, row in ROWS:
        if row["library"] == library and "backend" not in row:
            run(row["call"], library, topic.get("of"))
    for name, fresh in names.__wrapped__(library).items():
        if name in BOOK["inputs"]:
            np.testing.assert_array_equal(np.asarray(given[name]), np.asarray(fresh))


def test_the_versions_are_those_installed():
    for name, stated in BOOK["versions"].items():
        if name == "torch":
            continue  # the only one that is not pinned; the summary of the run tells which it was
        pytest.importorskip({"scikit-learn": "sklearn", "tensorflow-cpu": "tensorflow"}.get(name, name))
        assert version(name) == stated


def test_the_versions_are_those_pinned():
    pins = (ROOT / "tests" / "peers" / "requirements.txt").read_text(encoding="utf-8")
    for name, stated in BOOK["versions"].items():
        assert name == "torch" or re.search(rf"(?m)^{re.escape(name)}=={re.escape(stated)}(\s|$)", pins)
