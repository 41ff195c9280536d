# The project's commands. `make test` installs what is missing and runs every test; `make lint` checks the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := test
.PHONY: setup tools test python soak soak-python servers lint docs bench bench-python weight publishable wheel compare draw model fuzz

# Debian packages that the tests start or call.
PACKAGES := python3
FUZZ_SECONDS ?= 60
# Of each backend.
SOAK_SECONDS ?= 30
SOAK_CALLS ?= 1000000

setup:
	@.ci/packages $(PACKAGES)

tools:
	@.ci/tools cargo-hack cargo-deny

# Real servers too: redis-server and memcached.
test: setup
	.ci/test

# The Python package alone: a virtual environment, the wheel, its tests.
python: setup
	.ci/packages redis-server memcached
	.ci/python

# Random histories of commands and faults on every backend, for longer than `make test` has them; it tells how far they are.
soak: setup
	POLYCACHE_HISTORY_SECONDS=$(SOAK_SECONDS) cargo test -p polycache --all-features --test histories -- --nocapture --test-threads=1

# A million calls of the Python package with cancellations, timeouts and restarts of servers; it tells what they leave behind.
soak-python: setup
	.ci/packages redis-server memcached
	.ci/python run python -X dev python/tests/soak.py --calls $(SOAK_CALLS)

# The suites of servers on other versions of Redis, Valkey, Redict and memcached too, and a table: `make servers [ONLY="valkey memcached"]`.
servers: setup
	.ci/servers $(ONLY)

lint: tools
	cargo fmt --all --check
	cargo clippy --workspace --exclude polycache-unified --all-targets --all-features -- -D warnings
	cargo hack check --quiet --each-feature -p polycache
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --all-features --no-deps --exclude polycache-benches --exclude polycache-unified
	cargo deny --all-features check bans licenses sources
	.ci/layout
	.ci/weight crates > /dev/null
	.ci/lint-python

docs:
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --all-features --no-deps --exclude polycache-benches --exclude polycache-unified

# Peers beside polycache in the same run; prints tables of ratios.
bench:
	cargo bench -p polycache-benches

# The Python package beside its peers, on BENCH_PYTHON (3.11); ONLY="memory get" takes the rows with these words.
bench-python: setup
	.ci/packages redis-server memcached
	.ci/python bench $(ONLY)

# A wheel and an sdist of the Python package in target/wheels.
wheel: setup
	.ci/python wheel

# What the working tree costs beside the revision BASE, both builds in turns: `make compare BASE=main [BENCH=facade]`.
compare:
	.ci/compare $(BASE) $(BENCH)

# Draws the last results of `make bench` into docs/img.
draw:
	cargo run --release -p polycache-benches --bin draw

# What the features weigh beside moka: crates, and CPU seconds of `cargo build`; fails where a goal is missed.
weight:
	.ci/weight

# Whether all crates can be published, without publishing them. What isn't committed is refused.
publishable:
	cargo publish --dry-run --workspace

# The table of flights, under schedules that a model checker chooses; `make test` tries a tenth of them.
model:
	.ci/model

# Needs a nightly toolchain and cargo-fuzz.
fuzz:
	@.ci/tools cargo-fuzz
	cd fuzz && for target in $$(cargo +nightly fuzz list); do \
	  cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 || exit 1; done
