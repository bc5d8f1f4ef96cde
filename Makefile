# Needs Python 3.11+ and make. `make run` starts the sandbox, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-year test-month test-counterparts check bench understand weights install install-train format images lock browser node office

run: install
	$(BIN)/jufeng serve

install: $(VENV)/installed

# What `jufeng train` needs besides: scikit-learn. A server that only uses a model needs nothing more.
install-train: $(VENV)/installed-for-training

# Four at a time on two cores: many tests wait for ports and processes more than they compute.
test: $(VENV)/installed-for-tests
	$(BIN)/pytest -n 4 --dist loadgroup

# A city's whole year, judged anew: some four minutes of one core.
test-year: $(VENV)/installed-for-tests
	$(BIN)/pytest -n 2 --dist loadgroup tests/year

# A month of hazards and appeals, every rung of the ladder judged anew, and a hundred appeals of which nobody else
# sees a word: some three minutes of one core.
test-month: $(VENV)/installed-for-tests
	$(BIN)/pytest tests/month

# The fakes and the product against the vendors' own packages; needs Node 20 and npm (see `node`).
test-counterparts: $(VENV)/installed-for-counterparts tests/counterparts/node_modules
	$(BIN)/pytest tests/counterparts

check: $(VENV)/installed-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.schema

bench: $(VENV)/installed-for-tests
	$(BIN)/python -m benchmarks.callbacks
	$(BIN)/python -m benchmarks.stalls
	$(BIN)/python -m benchmarks.duplicates
	$(BIN)/python -m benchmarks.training

# How much is understood of texts that nothing was tuned on; `make understand TALK=file.txt` also tells what of ordinary
# talk, one text a line, would be acted upon.
understand: $(VENV)/installed-for-tests
	$(BIN)/python -m tests.understanding.measure $(TALK)

# The weights of the evidence, fitted anew to the texts in tests/understanding/tuning.
weights: $(VENV)/installed-for-tests
	$(BIN)/python -m tests.understanding.fitting

format: $(VENV)/installed-for-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pictures of the documentation; needs Chromium and a Chinese font (see `browser`).
images: $(VENV)/installed-for-tests
	$(BIN)/python -m tests.browser.screenshots docs/images

# Debian and Ubuntu: what the browser tests need. Without it they are skipped.
browser:
	apt-get update && apt-get install -y chromium fonts-noto-cjk fonts-noto-color-emoji

# Debian and Ubuntu: what the counterparts need.
node:
	apt-get update && apt-get install -y nodejs npm

# Debian and Ubuntu: what the tests of workbooks in LibreOffice need. Without it they are skipped.
office:
	apt-get update && apt-get install -y --no-install-recommends libreoffice-calc-nogui

# Pins and hashes of everything, for every platform, without registry addresses. Needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra build pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra build --extra train pyproject.toml -c requirements/run.txt -o requirements/train.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra build --extra train --extra test pyproject.toml -c requirements/train.txt -o requirements/test.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		--extra build --extra train --extra test --extra counterparts pyproject.toml -c requirements/test.txt \
		--override requirements/counterparts-override.txt -o requirements/counterparts.txt

$(VENV)/installed: pyproject.toml requirements/run.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/installed-for-training: $(VENV)/installed requirements/train.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/train.txt
	touch $@

$(VENV)/installed-for-tests: $(VENV)/installed requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	touch $@

$(VENV)/installed-for-counterparts: $(VENV)/installed-for-tests requirements/counterparts.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/counterparts.txt
	touch $@

tests/counterparts/node_modules: tests/counterparts/package-lock.json
	npm ci --prefix tests/counterparts
	touch $@
