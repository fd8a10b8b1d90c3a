package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/desk"
	"github.com/posai-go/posai/examples/clienteling/internal/talk"
	"github.com/posai-go/posai/shopify/auth"
	"github.com/posai-go/posai/shopify/shopifytest"
)

// How a program puts the desk before its client book.
func Example() {
	app, err := auth.New(clientID, auth.Secrets{Current: secret}, nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = app.Close() }()
	d := desk.New(theShop(), &desk.Options{
		Title:        "Alder & Wren",
		Authenticate: signedIn, // the program's own sign-in; desk.ErrSignedOut if nobody is
		SignIn:       "/approvals/",
		App:          app,
		Shop:         shop,
		Talk: talk.New(nil, &talk.Options{ // nil: the baseline; else a model with its budget, retries and cache
			Record: func(context.Context, talk.Asked) error { return nil }, // to the audit log
		}),
		Seen: func(_ context.Context, l desk.Look) error { // to the access log
			fmt.Println(l.Who.ID, "looks at the", l.What, "of", l.Customer)
			return nil
		},
		Now: func() time.Time { return now },
	})
	mux := http.NewServeMux()
	for _, pattern := range []string{"/clients", "/clients/", "/pos/"} {
		mux.Handle(pattern, d)
	}
	server := httptest.NewServer(mux)
	defer server.Close()

	// What the extension at the register does.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/pos/customers/7001", nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+shopifytest.SignSessionToken(secret, shopifytest.SessionClaims{Shop: shop, ClientID: clientID, Account: "42", Issued: time.Now()}))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var c desk.Customer
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		panic(err)
	}
	fmt.Println(c.Name, "- marketing e-mail:", c.Marketing.Email)
	fmt.Println(c.Points.Points[0].Text)
	// Output:
	// account 42 looks at the profile of gid://shopify/Customer/7001
	// Maren Holt - marketing e-mail: false
	// A promise of 18 November is overdue since 25 November: see the note.
}
