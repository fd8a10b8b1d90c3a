package csvcrm

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
	"github.com/posai-go/posai/shopify"
)

// The first rows of the files.
var (
	contactColumns = []string{
		"key", "first_name", "last_name", "email", "phone", "city", "country", "locale", "no_email", "no_sms",
		"segment", "lifetime_value", "currency", "orders", "last_visit", "preferences", "service_notes",
	}
	purchaseColumns = []string{"key", "customer_key", "name", "at", "channel", "store", "net", "currency", "items"}
)

func contactCells(r crm.Record) []string {
	amount, currency := money(r.LifetimeValue)
	return []string{
		r.Key, line(r.FirstName), line(r.LastName), line(r.Email), line(r.Phone), line(r.City), line(r.Country), line(r.Locale),
		strconv.FormatBool(r.NoEmail), strconv.FormatBool(r.NoSMS),
		line(r.Segment), amount, currency, strconv.Itoa(r.Orders), moment(r.LastVisit), text(r.Preferences), text(r.ServiceNotes),
	}
}

func purchaseCells(customer string, p crm.Purchase) []string {
	amount, currency := money(p.Net)
	return []string{p.Key, customer, line(p.Name), moment(p.At), line(p.Channel), line(p.Store), amount, currency, text(p.Items)}
}

// line is a cell without line breaks: many importers read a file line by line.
func line(s string) string { return defuse(crm.OneLine(s)) }

// text is a cell that may have line breaks.
func text(s string) string { return defuse(crm.Text(s)) }

func money(m shopify.Money) (amount, currency string) {
	if m.CurrencyCode == "" {
		return "", ""
	}
	return m.Amount.String(), line(m.CurrencyCode)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// plain is a number, or a telephone number in E.164, which a spreadsheet computes nothing
// from.
var plain = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

// defuse keeps a spreadsheet from taking a cell for a formula, by an apostrophe before it.
// https://owasp.org/www-community/attacks/CSV_Injection
func defuse(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) || plain.MatchString(s) {
		return s
	}
	return "'" + s
}

// encode makes one string of a row for the database.
func encode(cells []string) string {
	b, _ := json.Marshal(cells) // strings always marshal
	return string(b)
}

func decode(s string) ([]string, error) {
	var cells []string
	err := json.Unmarshal([]byte(s), &cells)
	return cells, err
}
