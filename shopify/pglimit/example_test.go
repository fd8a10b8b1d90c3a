package pglimit_test

import (
	"context"
	"database/sql"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/pglimit"
)

func Example() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	store, err := pglimit.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	// One limiter for all clients of the process; the store for all processes.
	limiter := shopify.NewLimiter(&shopify.LimiterOptions{Points: store})
	client, err := shopify.NewClient("example.myshopify.com", shopify.StaticToken(os.Getenv("SHOPIFY_TOKEN")), &shopify.Options{Limiter: limiter})
	if err != nil {
		log.Fatal(err)
	}
	_ = client
}
