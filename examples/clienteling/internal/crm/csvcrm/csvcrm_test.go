package csvcrm_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/crmtest"
	"github.com/posai-go/posai/examples/clienteling/internal/crm/csvcrm"
	"github.com/posai-go/posai/shopify"
)

func open(t *testing.T, dir string, opts *csvcrm.Options) *csvcrm.Sink {
	t.Helper()
	s, err := csvcrm.Open(t.Context(), dir, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSink(t *testing.T) {
	for name, opts := range map[string]*csvcrm.Options{"files follow": nil, "files at once": {Every: -1}} {
		t.Run(name, func(t *testing.T) {
			crmtest.Run(t, func(t *testing.T) crmtest.CRM {
				dir := t.TempDir()
				s := open(t, dir, opts)
				return crmtest.CRM{Sink: s, State: func(t *testing.T) []crm.Record {
					t.Helper()
					require.NoError(t, s.Flush(t.Context()))
					return readBack(t, dir)
				}}
			})
		})
	}
}

// readBack reads the files as an importer does that knows of the apostrophe.
func readBack(t *testing.T, dir string) []crm.Record {
	t.Helper()
	bought := make(map[string][]crm.Purchase)
	for _, row := range rows(t, filepath.Join(dir, csvcrm.Purchases)) {
		bought[row["customer_key"]] = append(bought[row["customer_key"]], crm.Purchase{
			Key: row["key"], Name: row["name"], At: moment(t, row["at"]), Channel: row["channel"], Store: row["store"],
			Net: money(t, row["net"], row["currency"]), Items: row["items"],
		})
	}
	var all []crm.Record
	for _, row := range rows(t, filepath.Join(dir, csvcrm.Contacts)) {
		orders, err := strconv.Atoi(row["orders"])
		require.NoError(t, err)
		all = append(all, crm.Record{
			Key: row["key"], FirstName: row["first_name"], LastName: row["last_name"], Email: row["email"], Phone: row["phone"],
			City: row["city"], Country: row["country"], Locale: row["locale"], NoEmail: row["no_email"] == "true", NoSMS: row["no_sms"] == "true",
			Segment: row["segment"], LifetimeValue: money(t, row["lifetime_value"], row["currency"]), Orders: orders,
			LastVisit: moment(t, row["last_visit"]), Preferences: row["preferences"], ServiceNotes: row["service_notes"],
			Purchases: bought[row["key"]],
		})
		delete(bought, row["key"])
	}
	require.Empty(t, bought, "purchases of nobody")
	return all
}

func rows(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var out []map[string]string
	for _, cells := range all[1:] {
		row := make(map[string]string)
		for i, cell := range cells {
			if strings.HasPrefix(cell, "'") && len(cell) > 1 && strings.ContainsRune("=+-@", rune(cell[1])) && cell != "'=1" {
				cell = cell[1:]
			}
			row[all[0][i]] = cell
		}
		out = append(out, row)
	}
	return out
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}

func money(t *testing.T, amount, currency string) shopify.Money {
	t.Helper()
	if currency == "" {
		return shopify.Money{}
	}
	m, err := shopify.ParseMoney(amount, currency)
	require.NoError(t, err)
	return m
}
