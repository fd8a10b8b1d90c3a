package subscription_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest"
	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/subscription"
)

func ExampleKeeper() {
	shop, err := shopifytest.Start(nil) // in production: nothing of the kind
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()
	client := newClient(shop) // in production: a shopify.Client

	keeper, err := subscription.NewKeeper(client, []subscription.Subscription{
		{Topic: "orders/create", URI: "https://pos.example.com/webhooks", Filter: "source_name:pos"},
		{Topic: "refunds/create", URI: "pubsub://my-project:refunds"},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		changes, err := keeper.Sync(context.Background())
		fmt.Println(len(changes), "changes", err)
	}
	// Output:
	// 2 changes <nil>
	// 0 changes <nil>
}

func ExampleReconciler() {
	ctx := context.Background()
	shop, err := shopifytest.Start(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()
	client := newClient(shop) // in production: a shopify.Client
	folder, err := os.MkdirTemp("", "inbox")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	processed := make(chan bool)
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersCreate, func(ctx context.Context, ev webhook.Event[webhook.Order]) error {
		attempt, _ := inbox.AttemptOf(ctx)
		fmt.Println(ev.Payload.SourceName, len(ev.Payload.LineItems), "line, reconciled:", attempt.Reconciled)
		processed <- true
		return nil
	})
	box, err := inbox.Open(ctx, "sqlite://"+filepath.Join(folder, "inbox.db"), mux.Process, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer box.Close()
	if err := box.Start(ctx); err != nil {
		log.Fatal(err)
	}

	now := time.Now()
	reconciler, err := subscription.NewReconciler(client, shop.Domain(), box, &subscription.ReconcilerOptions{
		Topics:  []string{"orders/create"},
		Overlap: time.Minute,                     // the simulated shop sold until last night
		Now:     func() time.Time { return now }, // the example cannot wait
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := reconciler.Reconcile(ctx); err != nil { // the past is not fed
		log.Fatal(err)
	}
	// A sale that nobody was told of.
	if _, err := shop.RingUp(shopifytest.Sale{Lines: []shopifytest.SaleLine{{SKU: "AW-CAN-CEDA"}}}); err != nil {
		log.Fatal(err)
	}
	now = now.Add(10 * time.Minute)
	report, err := reconciler.Reconcile(ctx)
	if err != nil {
		log.Fatal(err)
	}
	<-processed
	fmt.Println("missed:", len(report.Missed), report.Missed[0].Topic)
	// Output:
	// pos 1 line, reconciled: true
	// missed: 1 orders/create
}
