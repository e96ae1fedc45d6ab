# `make run`: all of Hindsight on this machine. `make check`: style, types, imports. `make unit`: the fast tests, with few
# examples each. `make test`: every check and test, with real brokers. `make test-compose`: compose.yaml, run by a real Docker engine. Each sets up what it needs first.
PYTHON ?= python3
# Of several models under names (`champion=a.skops,challenger=b.skops`) none is trained here.
MODEL := $(if $(findstring =,$(HINDSIGHT_MODEL)),,$(or $(HINDSIGHT_MODEL),models/model.skops))
LOCK := .venv-tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
DONE := .run/done
# A test that fails runs once more. If it passes then, the run ends well and names it in its last lines: FLAKY (tests/conftest.py).
PYTEST := .venv/bin/python -m pytest --reruns=1
.DELETE_ON_ERROR:
.PHONY: run check unit test faults test-compose setup bench bench-check peers lock clean runtime tests-need tools
.DEFAULT_GOAL := run

run:
	@$(MAKE) --silent --jobs=4 runtime
	@.venv/bin/python -m dev run --features $(or $(FEATURES),1)

check: .venv/done tools
	@echo "Checking style, types and imports ..."
	@.venv-tools/bin/ruff check --quiet .
	@.venv-tools/bin/ruff format --quiet --check .
	@.venv-tools/bin/mypy --no-error-summary --python-executable .venv/bin/python
	@PYTHONPATH=. .venv-tools/bin/lint-imports --no-logo >.run/imports.txt || { cat .run/imports.txt; exit 1; }
	@.venv-tools/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@.venv-tools/bin/hadolint Dockerfile
	@.venv-tools/bin/compose-lint check --quiet --fail-on low --strict-config compose.yaml >.run/compose.txt || \
		{ cat .run/compose.txt; exit 1; }

unit: .venv/done-tests $(DONE)/faust
	@echo "Running the fast tests ..."
	@$(PYTEST) tests/unit -m "not slow" --hypothesis-profile=quick --numprocesses=2 --dist=loadfile

test: setup
	@$(MAKE) --silent check
	@echo "Running the tests ..."
	@$(PYTEST) --numprocesses=2 --dist=loadfile

test-compose: setup
	@echo "Running compose.yaml with a real Docker engine ..."
	@$(PYTEST) tests/compose --timeout=1800 --override-ini=faulthandler_timeout=4000  # images are built in it

setup:
	@$(MAKE) --silent --jobs=4 runtime tests-need tools

faults: setup
	@.venv/bin/python -m tests.faults $(FAULTS)

bench: setup
	@.venv/bin/python -m bench

bench-check: setup
	@.venv/bin/python -m bench.check

# What only the benchmark's peers need; `python -m bench peers` makes it too.
peers: .venv-peers/done $(DONE)/kafka-streams .run/amqp-drain

lock: tools
	@echo "Pinning requirements.in, those of Parquet, of the tests, of the tools and of the benchmark's peers ..."
	@$(LOCK) requirements.in -o requirements.lock
	@$(LOCK) -c requirements.lock requirements-parquet.in -o requirements-parquet.lock
	@$(LOCK) -c requirements.lock -c requirements-parquet.lock requirements-tests.in -o requirements-tests.lock
	@$(LOCK) requirements-tools.in -o requirements-tools.lock
	@$(LOCK) bench/peers/requirements.in -o bench/peers/requirements.lock

clean:
	rm -rf .venv .venv-tools .venv-peers $(DONE) .run/compose .run/kafka-jars .run/kafka-streams .run/amqp-drain .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

runtime: .venv/done $(DONE)/faust $(DONE)/jars $(MODEL)
tests-need: .venv/done-tests $(DONE)/faust $(DONE)/monitoring
tools: .venv-tools/done

# Files that say that a step is done, newer than what it was done from.
$(DONE)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: set PYTHON=...")'
	@$(PYTHON) -m dev.packages python
	@mkdir -p $(DONE) && touch $@

$(DONE)/brokers: dev/packages.py | $(DONE)/python
	@$(PYTHON) -m dev.packages brokers
	@touch $@

$(DONE)/browser: dev/packages.py | $(DONE)/brokers
	@$(PYTHON) -m dev.packages browser
	@touch $@

$(DONE)/monitoring: dev/packages.py | $(DONE)/browser
	@$(PYTHON) -m dev.packages monitoring
	@touch $@

$(DONE)/jars: dev/pom.xml $(DONE)/brokers
	@dev/step.sh $(PYTHON) -m dev.jars
	@touch $@

.venv/done: requirements.lock | $(DONE)/python
	@echo "Installing the Python packages of $< into $(@D) ..."
	@dev/step.sh $(PYTHON) -m venv --clear $(@D) && dev/step.sh $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# In place of Faust's own, which tells of a misspelt app with a traceback.
$(DONE)/faust: commands/faust_script.py .venv/done
	@{ echo '#!$(CURDIR)/.venv/bin/python'; cat $<; } >.venv/bin/faust && chmod +x .venv/bin/faust
	@touch $@

.venv/done-tests: requirements-tests.lock .venv/done
	@echo "Installing the test packages of $< into $(@D) ..."
	@dev/step.sh $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-tools/done: requirements-tools.lock | $(DONE)/python
	@echo "Installing the developer tools of $< into $(@D) ..."
	@dev/step.sh $(PYTHON) -m venv --clear $(@D) && dev/step.sh $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv-peers/done: bench/peers/requirements.lock | $(DONE)/python
	@echo "Installing the packages of the benchmark's peers into $(@D) ..."
	@dev/step.sh $(PYTHON) -m venv --clear $(@D) && dev/step.sh $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(DONE)/kafka-streams: bench/peers/kafka_streams/pom.xml $(wildcard bench/peers/kafka_streams/src/main/java/peers/*.java) $(DONE)/brokers
	@$(PYTHON) -m dev.packages java
	@echo "Building the join in Kafka Streams into .run/kafka-streams ..."
	@rm -rf .run/kafka-streams
	@mvn -q -B -f $< -Dout=$(CURDIR)/.run/kafka-streams compile dependency:copy-dependencies -DincludeScope=runtime \
		>.run/maven.txt || { cat .run/maven.txt; exit 1; }
	@touch $@

# Bare consumption by RabbitMQ's own C client.
.run/amqp-drain: bench/peers/c/drain.c | $(DONE)/brokers
	@$(PYTHON) -m dev.packages c
	@gcc -O2 -Wall -o $@ $< -lrabbitmq

$(MODEL): | .venv/done
	@echo "Training the model into $@ ..."
	@dev/step.sh .venv/bin/python -m models.train --out $@
