# Two commands do everything on a machine with Python 3.11 to 3.13: `make` and `make test`.
PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin

.PHONY: all test bench faults fuzz mutants lock docs

all: $(ENV)/installed
	$(BIN)/snakemake --cores all

test: $(ENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

# Speed beside what people use instead; an hour or two, with nothing else running.
bench: $(ENV)/rivals
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Kills, full disks and malformed input, a quarter of an hour on two cores with nothing else running.
faults: $(ENV)/installed
	PYTHONPATH=tests $(BIN)/python -m faults $(FAULTS_ARGS)

# What reads other people's files, five minutes each.
fuzz: $(ENV)/fuzzer
	for reader in idx cifar archive; do PYTHONPATH=tests $(BIN)/python -m faults.fuzz $$reader $(FUZZ_ARGS) || exit 1; done

# Small changes to the code of claims, metrics and checkpoints that no test notices.
mutants: $(ENV)/mutmut
	rm -rf $(ENV)/mutants && mkdir -p $(ENV)/mutants/src
	git ls-files | tar -cT - | tar -xC $(ENV)/mutants
	cp -r $(ENV)/mutants/workflow/latent_atlas $(ENV)/mutants/src
	cd $(ENV)/mutants && ../bin/mutmut run && ../bin/mutmut results

$(ENV)/mutmut: $(ENV)/installed tests/mutants/requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/mutants/requirements.lock
	touch $@

$(ENV)/fuzzer: $(ENV)/installed tests/faults/requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/faults/requirements.lock
	touch $@

$(ENV)/rivals: $(ENV)/installed benchmarks/requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r benchmarks/requirements.lock
	touch $@

# The locks are whole: pip has nothing to resolve. Where it does, the pip of Python 3.11 refuses an
# extra of a locked package, as coverage[toml], on the day that a newer release comes out.
$(ENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Python %d.%d found, 3.11 to 3.13 needed: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e .
	touch $@

# For maintainers, with uv on the path: new versions of everything, no address in the file.
lock:
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras --upgrade pyproject.toml -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --universal --python-version 3.11 --generate-hashes --constraint requirements.lock --upgrade benchmarks/requirements.in -o benchmarks/requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade tests/faults/requirements.in -o tests/faults/requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --constraint requirements.lock --upgrade tests/mutants/requirements.in -o tests/mutants/requirements.lock

# Schemas, and what of the documentation is made from code, configuration and results.
docs: $(ENV)/installed
	$(BIN)/latent-atlas schemas workflow/schemas
	$(BIN)/latent-atlas document
