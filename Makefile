# Run `make` alone to see what there is to make.

# Building must not depend on what git thinks of this folder: in a container it is
# often somebody else's, and go then refuses to stamp a binary with its commit.
export GOFLAGS += -buildvcs=false

MODULE   := github.com/caddy-wsite/caddy-wsite
TOOL     := go tool -modfile=tools.mod
FUZZTIME ?= 20s

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: demo
demo: ## see it work: a simulated WeChat, the gateway and three small sites, on this machine alone
	go run ./caddymodule/caddy wsite demo

.PHONY: build
build: ## build Caddy with our modules from xcaddy.json into dist/caddy, and check what is in it
	go run -modfile=tools.mod .ci/xcaddy/main.go -output dist/caddy
	@go version -m dist/caddy | grep -q 'CGO_ENABLED=0' || { echo "dist/caddy was built with cgo"; exit 1; }
	@dist/caddy list-modules | grep wsite | diff -u caddymodule/testdata/modules.golden - || \
		{ echo "dist/caddy has not the modules of caddymodule/testdata/modules.golden"; exit 1; }
	@echo "dist/caddy has our modules and no cgo."

.PHONY: release
release: build ## build a second time, compare the bytes, and write down what is in them and their digests
	@rm -rf dist/again
	go run -modfile=tools.mod .ci/xcaddy/main.go -output dist/again/caddy
	cmp dist/caddy dist/again/caddy
	go version -m dist/caddy | tail -n +2 > dist/caddy.modules
	cd dist && sha256sum caddy caddy.modules | tee SHA256SUMS
	@rm -rf dist/again

.PHONY: vulns
vulns: ## ask Go's database of vulnerabilities about all that we call
	go run golang.org/x/vuln/cmd/govulncheck@v1.4.0 ./...

.PHONY: test
test: prepare lint ## what must pass: lint, every test under the race detector, a short run of each fuzz target
	CGO_ENABLED=1 go test -race -p 2 -timeout 25m ./...
	@FUZZTIME=1s .ci/fuzz

.PHONY: prepare
prepare:
	@.ci/prepare

.PHONY: lint
# Without cgo, as xcaddy builds. With LINTFLAGS=-trimpath, as xcaddy has it too, what
# is compiled here isn't compiled again by `make build`; but with two checkouts on
# one machine, staticcheck may then name the file of the other.
lint: export GOFLAGS += $(LINTFLAGS)
lint: export CGO_ENABLED := 0
lint: ## go vet, staticcheck and gofumpt
	go vet ./...
	go vet -modfile=tools.mod .ci/xcaddy/main.go
	$(TOOL) staticcheck ./...
	@unformatted="$$($(TOOL) gofumpt -modpath $(MODULE) -l . .ci/xcaddy)" || exit 1; \
		[ -z "$$unformatted" ] || { echo "gofumpt would change:"; echo "$$unformatted"; exit 1; }

.PHONY: screenshots
screenshots: prepare ## a picture of every page of the console, as staff and the demo's people see it, into screenshots/
	@mkdir -p screenshots
	WSITE_PICTURES=$(CURDIR)/screenshots go test -count 1 -run 'TestConsole_(pages|phone)' ./caddymodule

.PHONY: soak
soak: prepare ## the long form of the tests that have one: kills, races, days of chaos, a million rows, ten million identities (up to two hours)
	WSITE_SOAK=1 CGO_ENABLED=1 go test -race -count 1 -timeout 2h -run 'TestInvariants|TestOrderDoesNotMatter|TestRankIsATotalOrder|TestEvery' ./identity -rapid.checks=5000
	WSITE_SOAK=1 CGO_ENABLED=1 go test -race -count 1 -timeout 2h ./sqlstore ./identity/oracle -rapid.checks=2000
	WSITE_SOAK=1 CGO_ENABLED=1 go test -race -count 1 -timeout 2h -run 'Kill|Chaos|Day|Nodes|Story' ./wechat/custody ./inbox ./message ./job ./caddymodule/nodes
	WSITE_SOAK=1 go test -count 1 -timeout 2h -run 'TestConsole' ./caddymodule
	WSITE_SOAK=1 go test -count 1 -timeout 2h -v -run TestSpeed ./transfer
	WSITE_SOAK=1 go test -count 1 -timeout 2h -run '^$$' -bench Scale -benchtime 1x ./sqlstore

.PHONY: bench
bench: ## what the gateway costs, against the same Caddy without it; pushes and messages per second
	go run ./bench
	go test -run '^$$' -bench 'Accept|Run' -benchtime 2s ./inbox
	go test -run '^$$' -bench Outbox -benchtime 2s ./message
	go test -run '^$$' -bench 'Token|Rest|Refresh' ./wechat/custody

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 20s) each
	@FUZZTIME=$(FUZZTIME) .ci/fuzz
