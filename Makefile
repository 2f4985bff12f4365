# The front door. Everything real is in CMakeLists.txt and ci/; `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help deps build check dll dll-signed gate gate-publish report publish baseline bench-gate bench-regressions asan dev clang mutants soak layers clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install the Debian packages that are missing
	@ci/deps.sh

build: deps ## configure and build into build/, binaries in build/bin
	@ci/build.sh release

check: ## run every test: units, scenarios, sanitizers, equal histories; ends with `N passed, N failed, N skipped`
	@ci/check.sh

dll: deps ## build kdfast.dll for x64 and x86 into build/guest
	@ci/build.sh release kdfast && ls -l build/guest/x64/kdfast.dll build/guest/x86/kdfast.dll

dll-signed: dll ## sign both with a throw-away test certificate into build/guest/signed, and verify
	@transport/guest/dll/sign.sh build/guest/signed build/guest

gate: build ## judge both DLLs by every rule, play everything over their bytes, hold the benchmark: results/latest/gate.txt
	@ci/gate.sh

gate-publish: ## keep that verdict in results/published/gate
	@ci/gate.sh --publish

report: build ## the benchmark: every link, simulated and measured; results/latest/report.html
	@ci/report.sh

publish: report ## a fresh report into results/published/bench, to be committed
	@ci/publish.sh

baseline: build ## show how the exact figures differ from results/baseline.json, and renew it
	@ci/bench-gate.sh --renew

bench-gate: build ## hold the benchmark against results/baseline.json: exact figures may not get worse
	@ci/bench-gate.sh

bench-regressions: deps ## make one exact figure worse at a time, by patch: the gate must name each
	@ci/bench-regressions.sh

dev: deps ## build unoptimised into build/dev
	@ci/build.sh dev

asan: deps ## build and test under the address and undefined-behaviour sanitizers in build/asan
	@ci/build.sh asan && ctest --preset asan -j "$$(nproc)"

clang: deps ## build with clang into build/clang
	@ci/build.sh clang

mutants: deps ## apply each patch of ci/mutants/ in turn: every one must turn a test red
	@ci/mutants.sh

soak: deps ## play new seeds of the swarm for MINUTES (default 10), then every fault at every place, and pairs
	@ci/soak.sh

layers: deps ## no dependency may point up: by includes, by symbols, and by building every layer with only those below it
	@ci/layers.sh --build

clean: ## remove build/ and results/latest
	@rm -rf build results/latest
