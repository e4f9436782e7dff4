# make demo   everything needed, then the demo: the screen on a terminal, a log and a summary elsewhere
# make test   everything needed, then all tests
# `make help` lists the rest. Every target can be run again, and none needs a network once all is there.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: demo test test-camera setup build deb tools soak bench screenshots clean-data help

CARGO ?= cargo
# The soak's length: seconds for each fuzz target, and for each long test, which reads it.
SOAK_SECONDS ?= 300
# How often the camera test unplugs its camera, and how often in the soak.
CYCLES ?= 5
SOAK_CYCLES ?= 100
# Handed to `muster setup`, as in: make setup SETUP="--from /media/usb"
SETUP ?=
# Handed to `muster demo`, as in: make demo DEMO="--headless --json"
DEMO ?=

# How often each program of the comparison runs; 7 for figures to publish.
ROUNDS ?= 3
# A clip of your own for the comparison, with a folder that holds NAME.jpg of each person in it.
CLIP ?=
PEOPLE ?=

# Said to cargo, so that the program is where it is looked for whatever cargo's configuration says.
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
MUSTER = "$(CARGO_TARGET_DIR)/release/muster"

demo: setup ## Fetch all that is needed, enrol people from one photograph each, and recognise them
	$(MUSTER) demo $(DEMO)

test: setup ## The same set-up, then all tests
	$(MUSTER) setup --pack mtcnn $(SETUP)
	$(CARGO) test --release --locked -- --show-output

test-camera: setup ## Try virtual cameras in a virtual machine; needs root and Debian, else it is skipped
	$(CARGO) build --release --locked --example virtual_camera
	CYCLES=$(CYCLES) tools/camera-test/run

setup: build ## Build, and fetch the runtime, the nets and the demo pictures
	$(MUSTER) setup --demo $(SETUP)

build: tools ## Build in release mode
	$(CARGO) build --release --locked

# What the package is put together from besides the program.
PACKAGE = $(CARGO_TARGET_DIR)/package

deb: build ## Build a Debian package in target/debian; needs cargo-deb (cargo install cargo-deb)
	@command -v cargo-deb >/dev/null || { echo "cargo-deb is missing: cargo install cargo-deb" >&2; exit 1; }
	rm -rf "$(PACKAGE)" && mkdir -p "$(PACKAGE)/completions"
	$(MUSTER) service manual "$(PACKAGE)/man"
	gzip -9n "$(PACKAGE)"/man/*.1
	$(MUSTER) completions bash >"$(PACKAGE)/completions/muster.bash"
	$(MUSTER) completions zsh >"$(PACKAGE)/completions/_muster"
	$(MUSTER) completions fish >"$(PACKAGE)/completions/muster.fish"
	$(CARGO) deb --no-build --locked

tools: ## Install what is missing from Debian, or say what to install
	@tools/debian-packages

soak: setup ## What takes too long for CI: long tests, and fuzzing where cargo-fuzz is installed
	MUSTER_SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) test --release --locked -- --ignored soak --nocapture
	@CARGO="$(CARGO)" tools/fuzz $(SOAK_SECONDS)
	$(CARGO) build --release --locked --example virtual_camera
	CYCLES=$(SOAK_CYCLES) tools/camera-test/run unplug

bench: setup ## Measure each stage, then muster beside its peers: CLIP=FILE PEOPLE=DIR for a clip of your own
	$(CARGO) bench --locked --profile release
	$(CARGO) build --release --locked --example crowd
	MUSTER=$(MUSTER) benches/table --rounds $(ROUNDS) --json "$(CARGO_TARGET_DIR)/bench/runs.json" \
		$(if $(CLIP),--clip "$(CLIP)") $(if $(PEOPLE),--people "$(PEOPLE)")

screenshots: setup ## Draw the README's pictures again
	$(CARGO) run --release --locked --example screenshots

clean-data: ## Remove what was fetched and what the demo wrote
	rm -rf data/demo models/runtime models/*.onnx models/.staging* data/.staging*

help: ## This list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 22
