package inbox_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/webhook"
	"github.com/posai-go/posai/webhook/inbox"
	"github.com/posai-go/posai/webhook/webhooktest"
)

func Example() {
	folder, err := os.MkdirTemp("", "inbox")
	if err != nil {
		log.Fatal(err)
	}
	err = receive1001("sqlite://" + filepath.Join(folder, "inbox.db"))
	fmt.Println(err, os.RemoveAll(folder))
	// Output:
	// example.myshopify.com #1001 129.9 EUR
	// <nil> <nil>
}

func receive1001(databaseURL string) error {
	ctx := context.Background()
	processed := make(chan bool)
	mux := new(webhook.Mux)
	webhook.On(mux, webhook.OrdersCreate, func(_ context.Context, ev webhook.Event[webhook.Order]) error {
		fmt.Println(ev.Shop, ev.Payload.Name, ev.Payload.TotalPrice, ev.Payload.Currency)
		processed <- true
		return nil
	})
	box, err := inbox.Open(ctx, databaseURL, mux.Process, nil)
	if err != nil {
		return err
	}
	defer box.Close()
	if err := box.Start(ctx); err != nil {
		return err
	}
	handler, err := webhook.NewHandler(box, webhook.Secrets{Current: "the client secret"}, nil)
	if err != nil {
		return err
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	// What Shopify does, and does again when it misses the answer.
	sender := &webhooktest.Sender{Secret: "the client secret", Schedule: webhooktest.Schedule(time.Minute)}
	sale := webhook.Delivery{
		Topic: "orders/create", Shop: "example.myshopify.com", WebhookID: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
		Body: []byte(`{"id":820982911946154508,"name":"#1001","total_price":"129.90","currency":"EUR"}`),
	}
	for range 2 {
		if _, err := sender.Post(ctx, server.URL, sale); err != nil {
			return err
		}
	}
	<-processed
	return box.Stop(ctx)
}
