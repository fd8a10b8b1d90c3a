// A module of its own, so that what the search is compared with weighs on nobody who
// imports posai.
module github.com/posai-go/posai/ai/rag/internal/bench

go 1.26.0

require (
	github.com/philippgille/chromem-go v0.7.0
	github.com/posai-go/posai v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/blevesearch/snowballstem v0.9.0 // indirect
	github.com/shopspring/decimal v1.4.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/posai-go/posai => ../../../..
