package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/posai-go/posai/shopify"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// An app that merchants install by OAuth. The shop is a simulated one, and its admin
// approves at once.
func ExampleApp_NewInstaller() {
	shop, err := shopifytest.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()

	app, err := auth.New(shop.ClientID(), auth.Secrets{Current: shop.Secret()}, &auth.Options{
		Scopes:  []string{"read_orders", "write_products"},
		BaseURL: shop.URL(), // leave it out for real shops
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer app.Close()
	installer, err := app.NewInstaller(server.URL+"/auth/callback", &auth.InstallOptions{
		Installed: func(_ context.Context, t *auth.Token) error {
			fmt.Println("installed with", t.Scopes)
			return nil // a good place to subscribe to webhooks
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux.HandleFunc("/auth", installer.Begin)
	mux.HandleFunc("/auth/callback", installer.Callback)

	// What the merchant's browser does.
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "admin.shopify.com" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := browser.Get(server.URL + "/auth?shop=" + shop.Domain())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
	fmt.Println(strings.TrimSuffix(resp.Header.Get("Location"), shop.ClientID()))

	// From now on the shop can be asked, for as long as it keeps the app.
	client, err := shopify.NewClient(shopify.Domain(shop.Domain()), app.Offline(shopify.Domain(shop.Domain())), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(context.Background(), client))
	// Output:
	// installed with [read_orders write_products]
	// https://admin.shopify.com/store/alder-and-wren-sim/apps/
	// <nil>
}

// The server of a POS UI extension. The extension calls it with fetch(); the device
// adds the session token by itself.
func ExampleApp_Sessions() {
	app, err := auth.New("client-id", auth.Secrets{Current: "client-secret"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := app.Sessions(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := auth.SessionFrom(r.Context())
		fmt.Fprintf(w, "account %s of %s", session.Account, session.Shop)
	}), &auth.SessionOptions{Surface: auth.POS, Methods: []string{http.MethodPost}})

	request := httptest.NewRequest(http.MethodPost, "/advice", nil)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, request)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))

	request.Header.Set("Authorization", "Bearer "+sessionToken("client-id", "client-secret"))
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, request)
	fmt.Println(w.Code, w.Body.String())
	// Output:
	// 401 A valid session token is required.
	// 200 account 42 of acme.myshopify.com
}

// A client whose token ends in the middle of its work.
func ExampleApp_ClientCredentials() {
	shop, err := shopifytest.Start(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	app, err := auth.New(shop.ClientID(), auth.Secrets{Current: shop.Secret()}, &auth.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer app.Close()
	domain := shopify.Domain(shop.Domain())
	client, err := shopify.NewClient(domain, app.ClientCredentials(domain), &shopify.Options{BaseURL: shop.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ask(context.Background(), client))
	shop.ExpireTokens()
	fmt.Println(ask(context.Background(), client))
	fmt.Println(len(shop.TokenRequests()), "tokens")
	// Output:
	// <nil>
	// <nil>
	// 2 tokens
}
