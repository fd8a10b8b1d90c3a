package sqlstore_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/auth/sqlstore"
)

// An app of several processes: tokens, which callbacks were used, and which session tokens,
// in one database.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	key := sqlstore.Key{ID: "2026-11", Secret: bytes.Repeat([]byte{7}, 32)} // of your own, from elsewhere
	store, err := sqlstore.Open(ctx, "sqlite://"+filepath.Join(dir, "app.db"), []sqlstore.Key{key}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	app, err := auth.New("client-id", auth.Secrets{Current: "client-secret"}, &auth.Options{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer app.Close()
	installer, err := app.NewInstaller("https://app.example.com/auth/callback", &auth.InstallOptions{States: store.States()})
	if err != nil {
		fmt.Println(err)
		return
	}
	payOut := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { /* what must not happen twice */ })
	mux := http.NewServeMux()
	mux.HandleFunc("/auth", installer.Begin)
	mux.HandleFunc("/auth/callback", installer.Callback)
	mux.Handle("POST /pay-out", app.Sessions(payOut, &auth.SessionOptions{Replays: store.ReplayGuard()}))

	for range 2 {
		first, err := store.States().Use(ctx, "the state of a callback", time.Now().Add(10*time.Minute))
		fmt.Println(first, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}
