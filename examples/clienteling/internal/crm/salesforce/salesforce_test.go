package salesforce_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/crmtest"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforce"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/salesforcetest"
	"github.com/posai-go/posai/shopify"
)

// open starts an org and a sink that is quick to try again.
func open(t *testing.T, org *salesforcetest.Options, opts *salesforce.Options) (*salesforcetest.Org, *salesforce.Sink) {
	t.Helper()
	o := salesforcetest.New(t, org)
	return o, sink(t, o, opts)
}

func credentials(o *salesforcetest.Org) salesforce.Credentials {
	return salesforce.Credentials{URL: o.URL(), ClientID: salesforcetest.ClientID, ClientSecret: salesforcetest.ClientSecret}
}

func sink(t *testing.T, o *salesforcetest.Org, opts *salesforce.Options) *salesforce.Sink {
	t.Helper()
	if opts == nil {
		opts = &salesforce.Options{}
	}
	if opts.MinWait == 0 {
		opts.MinWait, opts.MaxWait = time.Millisecond, 20*time.Millisecond
	}
	if opts.TempDir == "" {
		opts.TempDir = t.TempDir()
	}
	s, err := salesforce.New(credentials(o), opts)
	require.NoError(t, err)
	return s
}

func TestSink(t *testing.T) {
	run := func(org salesforcetest.Options, opts salesforce.Options, faults float64) func(*testing.T) {
		return func(t *testing.T) {
			seed := uint64(1)
			if os.Getenv("POSAI_FULL") == "1" {
				seed = uint64(time.Now().UnixNano())
			}
			crmtest.Run(t, func(t *testing.T) crmtest.CRM {
				org, opts := org, opts
				o, s := open(t, &org, &opts)
				seed++
				t.Logf("chaos seed %d", seed)
				o.Chaos(seed, faults)
				return crmtest.CRM{Sink: s, State: func(t *testing.T) []crm.Record { return readBack(t, o) }, Add: adder(o), Own: owner(o)}
			})
		}
	}
	t.Run("well", run(salesforcetest.Options{}, salesforce.Options{}, 0))
	t.Run("in small pages and jobs", run(salesforcetest.Options{PageSize: 7, TokenUses: 25}, salesforce.Options{JobRecords: 90, JobBytes: 30_000}, 0))
	t.Run("with faults", run(salesforcetest.Options{}, salesforce.Options{JobRecords: 120}, 0.15))
}

func adder(o *salesforcetest.Org) func(t *testing.T, first, last, email, phone string) string {
	return func(_ *testing.T, first, last, email, phone string) string {
		if n := strings.TrimPrefix(phone, "+1"); len(n) == 10 { // as Salesforce's own pages write it
			phone = fmt.Sprintf("(%s) %s-%s", n[:3], n[3:6], n[6:])
		}
		return o.Add("Contact", map[string]any{"FirstName": first, "LastName": last, "Email": email, "Phone": phone})
	}
}

func owner(o *salesforcetest.Org) func(t *testing.T, id string) (string, string) {
	return func(t *testing.T, id string) (string, string) {
		t.Helper()
		r := o.Record("Contact", id)
		require.NotNil(t, r)
		key, _ := r["Posai_Key__c"].(string)
		first, _ := r["FirstName"].(string)
		return key, first
	}
}

// readBack reads what the org has.
func readBack(t *testing.T, o *salesforcetest.Org) []crm.Record {
	t.Helper()
	bought := make(map[string][]crm.Purchase)
	for _, p := range o.All("Posai_Purchase__c") {
		contact := text(p["Contact__c"])
		require.NotEmpty(t, contact, "a purchase of nobody")
		bought[contact] = append(bought[contact], crm.Purchase{
			Key: text(p["Posai_Key__c"]), Name: text(p["Name"]), At: moment(t, p["Purchased_At__c"]), Channel: text(p["Channel__c"]),
			Store: text(p["Store__c"]), Net: money(t, p["Net__c"], p["Currency__c"]), Items: text(p["Items__c"]),
		})
	}
	var all []crm.Record
	for _, c := range o.All("Contact") {
		if c["Posai_Key__c"] == nil {
			continue
		}
		orders, _ := c["Posai_Orders__c"].(json.Number).Int64()
		all = append(all, crm.Record{
			Key: text(c["Posai_Key__c"]), FirstName: text(c["FirstName"]), LastName: text(c["LastName"]), Email: text(c["Email"]),
			Phone: text(c["MobilePhone"]), City: text(c["MailingCity"]), Country: text(c["MailingCountry"]), Locale: text(c["Posai_Locale__c"]),
			NoEmail: c["HasOptedOutOfEmail"] == true, NoSMS: c["Posai_No_SMS__c"] == true, Segment: text(c["Posai_Segment__c"]),
			LifetimeValue: money(t, c["Posai_Lifetime_Value__c"], c["Posai_Currency__c"]), Orders: int(orders),
			LastVisit: moment(t, c["Posai_Last_Visit__c"]), Preferences: text(c["Posai_Preferences__c"]), ServiceNotes: text(c["Posai_Service_Notes__c"]),
			Purchases: bought[text(c["Id"])],
		})
	}
	slices.SortFunc(all, func(a, b crm.Record) int { return strings.Compare(a.Key, b.Key) })
	return all
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func moment(t *testing.T, v any) time.Time {
	t.Helper()
	if v == nil {
		return time.Time{}
	}
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", text(v))
	require.NoError(t, err)
	return at
}

func money(t *testing.T, amount, currency any) shopify.Money {
	t.Helper()
	if currency == nil {
		return shopify.Money{}
	}
	m, err := shopify.ParseMoney(fmt.Sprint(amount), text(currency))
	require.NoError(t, err)
	return m
}
