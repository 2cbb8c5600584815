# What there is to run here. `make demo` and `make test` set up what they need (as root on Debian).

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(CURDIR)/target
export HARDEN_WORK ?= $(CURDIR)/tests/.work
# Debian keeps daemons and account tools in sbin, which not every root shell has in PATH.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin:/sbin

targets := x86_64-unknown-linux-musl aarch64-unknown-linux-musl
budget  := 6000000

.PHONY: help setup stop build dist release-dry wiring book image demo browser fmt clippy engine test soak fuzz reproducible bench

help:
	@sed -n 's/^## //p' Makefile

## make setup    install and start what the demo and the tests need
setup:
	@tests/setup/all.sh

## make stop     stop the Docker engine that setup started
stop:
	@tests/setup/engine.sh stop

## make build    the static binaries, x86_64 and aarch64, within their size budget
build:
	@tests/setup/build.sh $(targets)
	@tests/setup/check-binary.sh $(budget) $(foreach t,$(targets),$(CARGO_TARGET_DIR)/$(t)/release/harden)

## make dist     the binaries as the image takes them, target/dist/ARCH/harden, and the man pages, target/man
dist: build
	@mkdir -p $(CARGO_TARGET_DIR)/dist/amd64 $(CARGO_TARGET_DIR)/dist/arm64
	@cp -p $(CARGO_TARGET_DIR)/x86_64-unknown-linux-musl/release/harden $(CARGO_TARGET_DIR)/dist/amd64/
	@cp -p $(CARGO_TARGET_DIR)/aarch64-unknown-linux-musl/release/harden $(CARGO_TARGET_DIR)/dist/arm64/
	@tests/setup/sbom.sh $(CARGO_TARGET_DIR)/dist/harden.cdx.json
	@cargo run --quiet --locked --example man $(CARGO_TARGET_DIR)/man

## make release-dry    everything that a release publishes and that needs no network, checked: target/release-dry
release-dry: dist
	@tests/setup/release.sh $(CARGO_TARGET_DIR)/release-dry
	@tests/setup/release-check.sh $(CARGO_TARGET_DIR)/release-dry

## make book     docs/ as a book, searched without a network: target/book/html (cargo install mdbook)
book:
	@tests/setup/book.sh $(CARGO_TARGET_DIR)/book

## make wiring   files for pipelines and forges, judged by their schemas, actionlint and zizmor
wiring: dist
	@tests/setup/wiring.sh

## make reproducible   two clean builds give the same binary
reproducible:
	@tests/setup/reproducible.sh

## make image    the image `harden`, for COPY --from=harden
image: setup dist
	@tests/setup/image.sh

## make fmt      is everything formatted?
fmt:
	cargo fmt --all -- --check fuzz/src/lib.rs fuzz/fuzz_targets/*.rs docker/static-scratch/server.rs tests/setup/census.rs

## make clippy   lints; the engine tests apart, because a plain build leaves them out
clippy:
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --test engine --test soak -- -D warnings
	@# The fuzz targets are built by `make fuzz` only; that their list can be read is seen here.
	cargo metadata --no-deps --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

## make demo     a .NET program on Debian, attacked before and after
demo: image
	@tests/demo/run.sh

## make browser  HTML reports in a headless Chromium, judged by axe-core; needs npm
browser:
	@cargo build --quiet --locked
	@tests/browser/run.sh

## make test     everything that CI checks
test:
	@tests/setup/test.sh

## make engine   only the tests in a real Docker engine; with UPDATE_MATRIX=1 they write docs/matrix.md
engine: image
	cargo test --locked --test engine -- --test-threads=2

## make soak     what takes longer: million-entry trees, sweeps, fuzzing
soak: image
	HARDEN_SOAK=1 PROPTEST_CASES=20000 cargo test --locked --release
	HARDEN_SOAK=1 cargo test --locked --test engine audit::other_images
	HARDEN_FUZZ_SECONDS=60 cargo test --locked --release --test suite fuzz:: -- --nocapture
	HARDEN_FUZZ_SECONDS=300 cargo test --locked --release --test soak -- --nocapture
	HARDEN_FUZZ_SECONDS=$${HARDEN_FUZZ_SECONDS:-150} $(MAKE) --no-print-directory fuzz

## make fuzz     cargo-fuzz, ten minutes for each target, two at a time (cargo install cargo-fuzz)
fuzz:
	@fuzz/run.sh

## make bench    measure and print the tables
bench: setup build
	@tests/bench/run.sh
	@tests/bench/learn.sh
	@tests/bench/check.sh
