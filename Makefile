# Two commands for a newcomer: `make demo` and `make test`.  Each sets up all
# that it needs: a virtual environment in .venv, and for the tests Debian's
# packages (where root allows) and npm's.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the engine is compiled from: an installation older than these is made anew.
COMPILED := $(wildcard wsproxy_gevent/*.c wsproxy_gevent/*/*.pyx wsproxy_gevent/*/*.pxd wsproxy_gevent/*/*.h)

# The tests that bytes pass through an engine in.
TWIN := tests/test_engine.py tests/wire tests/net tests/relay tests/server \
    $(addprefix tests/e2e/test_, compress.py gunicorn_ends.py legacy.py mqtt.py observing.py \
    peers.py refusals.py smuggling.py stopping.py volume.py)

.DEFAULT_GOAL := help
.PHONY: help demo test lint twin unit e2e faults autobahn fuzz fuzz-deep sanitize bench clean

help:
	@echo "make demo   set up and serve the embedded demo"
	@echo "make test   set up and run every check and test"
	@echo "make lint   ruff and mypy"
	@echo "make twin   the tests of the wire and the relay, with the pure-Python engine"
	@echo "make unit   the tests that need no other programs"
	@echo "make e2e    the tests with real peers and a real browser"
	@echo "make faults   what networks and peers do wrong, the slow ones among them; writes docs/faults.md"
	@echo "make autobahn   hold the echo to Autobahn's suite; needs a CPython 2.7"
	@echo "make fuzz   compare with other implementations, a million times"
	@echo "make bench  what we and our peers cost; ROUNDS=7 MODES=down1,tls_* PEERS=ours,haproxy"
	@echo "make sanitize   test and fuzz the compiled engine under ASan and UBSan"
	@echo "make fuzz-deep   fuzz each parser by coverage; RUNS=1000000 executions of each"

demo: .stamps/run
	$(BIN)/wsproxy-gevent demo

test: lint .stamps/websockify
	scripts/debian-packages
	$(MAKE) .stamps/npm
	$(BIN)/python -m pytest
	$(MAKE) twin

# What the engine has a part in, once more with the pure-Python one.
twin: .stamps/test
	WSPROXY_ENGINE=python $(BIN)/python -m pytest $(TWIN)

lint: .stamps/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: .stamps/test .stamps/websockify
	$(BIN)/python -m pytest --ignore tests/e2e

e2e: .stamps/test
	scripts/debian-packages
	$(MAKE) .stamps/npm
	$(BIN)/python -m pytest tests/e2e

# Those that take minutes as well, which `make test` leaves out.  Writes the table of
# docs/faults.md anew, whatever came of it.
faults: .stamps/test
	scripts/debian-packages
	for engine in compiled python; do \
	    WSPROXY_ENGINE=$$engine $(BIN)/python -m pytest -p tests.e2e.faults.report -m fault \
	        --faults-report .faults/$$engine.json; \
	done
	$(BIN)/python -m tests.e2e.faults.report .faults/compiled.json .faults/python.json

# Writes docs/conformance.md anew.  SHORT=--short leaves out what takes longest.
autobahn: .stamps/run
	$(BIN)/python scripts/autobahn $(SHORT)

# COMPARISONS and RUNS say how many.
fuzz: .stamps/test
	$(BIN)/python -m fuzz.differential --comparisons $(or $(COMPARISONS),1000000)

# SESSIONS and COMPARISONS say how many.
sanitize: .stamps/test
	scripts/sanitize .sanitize

# What it finds and reaches is left in .fuzz; `--keep` keeps a corpus of it.
fuzz-deep: .stamps/fuzz
	$(BIN)/python -m fuzz.run --runs $(or $(RUNS),100000)

# Results are left in .bench/results.json; what is not installed here is named.
bench: .stamps/test .stamps/bench .stamps/npm
	scripts/debian-packages bench
	$(BIN)/python -m benchmarks.run --rounds $(or $(ROUNDS),7) --seconds $(or $(SECONDS),2) \
	    --modes "$(or $(MODES),*)" --peers "$(or $(PEERS),*)" $(if $(OUT),--out $(OUT))

.stamps/run: pyproject.toml setup.py scripts/virtualenv $(COMPILED)
	PYTHON=$(PYTHON) scripts/virtualenv $(VENV) '.[cert,compress]'
	mkdir -p .stamps && touch $@

.stamps/test: pyproject.toml setup.py scripts/virtualenv $(COMPILED)
	PYTHON=$(PYTHON) scripts/virtualenv $(VENV) '.[cert,vnc,test]'
	mkdir -p .stamps && touch $@ .stamps/run

.stamps/fuzz: .stamps/test
	PYTHON=$(PYTHON) scripts/virtualenv $(VENV) '.[fuzz]'
	mkdir -p .stamps && touch $@

# The peers that PyPI has, in an environment of their own.
.stamps/bench: benchmarks/peers.txt
	$(PYTHON) -m venv .bench/venv
	for peer in $$(cat $<); do \
	    .bench/venv/bin/python -m pip install --quiet $$peer \
	    || echo "$$peer is not to be had; it is left out" >&2; \
	done
	mkdir -p .stamps && touch $@

# Apart from our own environment, in which nothing of that name shall be found; its
# dependencies are of no use here.
.stamps/websockify: .stamps/test
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .peers/websockify \
	    websockify==0.13.0
	@$(BIN)/python -m pip download --quiet --no-deps --no-binary :all: --require-hashes \
	    --dest .peers -r tests/cases/websockify-sdist.txt \
	    || echo "PyPI does not give websockify's source; its own suites skip" >&2
	touch $@

# Without npm the tests that want its packages skip, and say so.
.stamps/npm: tests/e2e/package.json tests/e2e/package-lock.json
	@if command -v npm >/dev/null; then \
	    cd tests/e2e && npm ci --no-audit --no-fund --ignore-scripts \
	    && mkdir -p ../../.stamps && touch ../../$@; \
	else echo "npm is missing; its tests skip" >&2; fi

clean:
	rm -rf .venv .stamps .faults .fuzz .sanitize .bench .peers benchmarks/.build build dist *.egg-info tests/e2e/node_modules
