# Versions are pinned: the newest release of a tool may want a newer Go.
GOFUMPT      := go run mvdan.cc/gofumpt@v0.12.0
GOLANGCI     := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHES      ?= $(shell git grep -l '^func Benchmark' -- '*_test.go' ':!audit/internal/bench' ':!ai/rag/internal/bench' | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: check fmt lint fix vet race test full interop bench generate generated schema npm

check: fmt lint fix vet race interop generated ## everything that must hold before a commit lands

fmt:
	@out=$$($(GOFUMPT) -l .); if [ -n "$$out" ]; then echo "not gofumpt-formatted:"; echo "$$out"; exit 1; fi

lint:
	$(GOLANGCI) run ./...

fix:
	@out=$$(go fix -diff ./... 2>&1); if [ -n "$$out" ]; then echo "$$out"; exit 1; fi

vet:
	go vet ./...

race:
	go test -race -shuffle=on -timeout 20m ./...

test:
	go test ./...

full: ## the proofs that otherwise run at a reduced size, whole
	POSAI_FULL=1 go test -timeout 90m -p 1 $$(git grep -l POSAI_FULL -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')
	POSAI_FULL=1 go test -race -timeout 60m -run 'TestDecideAndExecute' ./approval/sqlstore # 200 requests, 32 deciders, both databases

npm: ## what tests that want Node need
	@for lock in $$(git ls-files '*package-lock.json'); do npm ci --no-audit --no-fund --prefix "$$(dirname "$$lock")" || exit 1; done

INTEROP := audit/internal/interop shopify/internal/goclients

interop: ## what tools and clients of others say; modules of their own, so that none of them weighs on this one
	@# with a copy of each go.mod, which thus follows this module's by itself
	@for dir in $(INTEROP); do \
	tmp=$$(mktemp -d) && cp $$dir/go.mod $$dir/go.sum "$$tmp" && (cd $$dir && \
	go vet -mod=mod -modfile="$$tmp/go.mod" ./... && go test -mod=mod -modfile="$$tmp/go.mod" ./...); status=$$?; rm -rf "$$tmp"; \
	[ $$status = 0 ] || exit $$status; done

bench: ## ratios against a peer or a raw limit, in one run
	go test -run '^$$' -bench . -benchmem $(BENCHES)
	cd audit/internal/bench && go test -mod=mod -run '^$$' -bench . # beside Tessera, in a module of its own
	cd ai/rag/internal/bench && go test -mod=mod -run '^$$' -bench . # beside chromem-go, likewise

generate: ## code from the pinned schema; needs no network
	go generate ./shopify ./shopify/admin ./shopify/storefront ./webhook ./examples/...

schema: ## refresh the pinned schema from Shopify's published introspection; needs the network
	go generate ./shopify/schema

generated: ## fails when generated code differs from what is committed
	@before=$$(git status --porcelain); $(MAKE) --no-print-directory generate; after=$$(git status --porcelain); \
	if [ "$$before" != "$$after" ]; then echo "go generate left a difference:"; git diff --stat; exit 1; fi
