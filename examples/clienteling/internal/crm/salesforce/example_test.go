package salesforce_test

import (
	"context"
	"fmt"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
)

func Example() {
	org, err := salesforcetest.Start(nil)
	if err != nil {
		panic(err)
	}
	defer org.Close()
	org.Add("Contact", map[string]any{"FirstName": "Kim", "LastName": "Sample", "Email": "kim@example.com"})

	sink, err := salesforce.New(salesforce.Credentials{
		URL: org.URL(), ClientID: salesforcetest.ClientID, ClientSecret: salesforcetest.ClientSecret,
	}, nil)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := sink.Check(ctx); err != nil {
		panic(err)
	}
	outcomes, err := sink.Save(ctx, []crm.Record{
		{Key: "alder-and-wren.myshopify.com/7001", FirstName: "Robin", LastName: "Sample", Email: "robin@example.com"},
		{Key: "alder-and-wren.myshopify.com/7002", FirstName: "Kim", LastName: "Sample", Email: "kim@example.com"},
	})
	if err != nil {
		panic(err)
	}
	for _, o := range outcomes {
		fmt.Println(o.Key, o.State, len(o.Candidates))
	}
	// Output:
	// alder-and-wren.myshopify.com/7001 created 0
	// alder-and-wren.myshopify.com/7002 ambiguous 1
}
