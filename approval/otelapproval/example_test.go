package otelapproval_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/approvaltest"
	"github.com/posai-go/posai/approval/otelapproval"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

func ExampleNew() {
	// A folder and a collector that stand in for the real ones.
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))

	metrics, err := otelapproval.New(&otelapproval.Options{MeterProvider: provider})
	if err != nil {
		log.Fatal(err)
	}
	entries, err := filestore.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = entries.Close() }()
	trail, err := audit.Open(ctx, entries, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = trail.Close() }()
	policy := approval.Rules("1", approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "")})
	queue, err := approval.NewQueue(approvaltest.NewMemory(), trail, policy, &approval.Options{Observer: metrics.Observer()})
	if err != nil {
		log.Fatal(err)
	}
	if err := approval.Register(queue, approval.Executor[tag, string]{
		Execute: func(context.Context, approval.Execution, tag) (string, error) { return "tagged", nil },
	}); err != nil {
		log.Fatal(err)
	}
	if err := metrics.Watch(queue); err != nil {
		log.Fatal(err)
	}
	if _, err := queue.Propose(ctx, tag{Order: "gid://shopify/Order/1"}, approval.Proposal{Key: "sale-1", Proposer: approvaltest.Model("assistant")}); err != nil {
		log.Fatal(err)
	}

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &collected); err != nil {
		log.Fatal(err)
	}
	var names []string
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	fmt.Println(names)
	// Output: [approval.proposals approval.waiting]
}
