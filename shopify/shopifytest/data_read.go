package shopifytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Bounds of the data that a shop takes.
const (
	maxDataBytes = 64 << 20
	maxLocations = 100
	maxProducts  = 20_000
	maxVariants  = 2_048 // of one product
	maxCustomers = 100_000
	maxOrders    = 200_000
)

// ErrData is what every [*DataError] is.
var ErrData = errors.New("shopifytest: invalid data")

// DataError says what is wrong with [Data], and where.
type DataError struct {
	// Path is where, such as "products[3].variants[0].sku". Empty: the file as a whole.
	Path string
	// Reason is what is wrong, without the value itself.
	Reason string
}

// Error names the place and the reason.
func (e *DataError) Error() string {
	if e.Path == "" {
		return "shopifytest: data: " + e.Reason
	}
	return "shopifytest: data: " + e.Path + ": " + e.Reason
}

// Is reports whether target is [ErrData].
func (e *DataError) Is(target error) bool { return target == ErrData }

// ReadData reads and checks data in JSON. It is strict: unknown fields, a second value and
// more than 64 MiB are errors. Errors match [ErrData], but for those of r.
func ReadData(r io.Reader) (*Data, error) {
	limited := &io.LimitedReader{R: r, N: maxDataBytes + 1}
	dec := json.NewDecoder(limited)
	dec.DisallowUnknownFields()
	var d Data
	err := dec.Decode(&d)
	if limited.N <= 0 {
		return nil, &DataError{Reason: "larger than 64 MiB"}
	}
	if err != nil {
		return nil, decodeError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &DataError{Reason: "something follows the JSON object"}
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return &d, nil
}

// decodeError is err as a DataError if the data is to blame.
func decodeError(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &DataError{Reason: fmt.Sprintf("not JSON at byte %d", syntax.Offset)}
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &DataError{Path: mismatch.Field, Reason: "a JSON " + mismatch.Value + " where a " + mismatch.Type.String() + " is expected"}
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return &DataError{Reason: "a time is not in RFC 3339"}
	}
	switch message := err.Error(); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &DataError{Reason: "the JSON ends too early"}
	case strings.HasPrefix(message, "json: unknown field "):
		return &DataError{Reason: "unknown field " + strings.TrimPrefix(message, "json: unknown field ")}
	case strings.Contains(message, "decimal"):
		return &DataError{Reason: "an amount is not a decimal number"}
	default:
		return fmt.Errorf("shopifytest: read data: %w", err)
	}
}

// Write writes the data as JSON that [ReadData] reads.
func (d *Data) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// Validate checks that the data makes a shop. The error is a [*DataError].
func (d *Data) Validate() error {
	c := &dataCheck{data: d, skus: map[string]bool{}, locations: map[int64]bool{}, staff: map[int64]bool{}, customers: map[int64]bool{}}
	for _, check := range []func(){c.shop, c.locationsAndStaff, c.products, c.people, c.orders} {
		if check(); c.err != nil {
			return c.err
		}
	}
	return nil
}

type dataCheck struct {
	data      *Data
	err       error
	skus      map[string]bool
	locations map[int64]bool
	staff     map[int64]bool
	customers map[int64]bool
}

// must notes the first thing that does not hold.
func (c *dataCheck) must(ok bool, reason, path string, at ...any) {
	if !ok && c.err == nil {
		c.err = &DataError{Path: fmt.Sprintf(path, at...), Reason: reason}
	}
}

var (
	domainShape   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com$`)
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (c *dataCheck) shop() {
	s := c.data.Shop
	c.must(c.data.Version == DataVersion, fmt.Sprintf("must be %d", DataVersion), "version")
	c.must(s.Name != "", "is required", "shop.name")
	c.must(domainShape.MatchString(s.Domain), "must be something.myshopify.com", "shop.domain")
	c.must(currencyShape.MatchString(s.Currency), "must be an ISO 4217 code", "shop.currency")
	_, err := time.LoadLocation(s.Timezone)
	c.must(err == nil, "must be an IANA time zone", "shop.timezone")
	c.must(len(c.data.Locations) > 0 && len(c.data.Locations) <= maxLocations, "must have 1 to 100 elements", "locations")
	c.must(len(c.data.Products) <= maxProducts, "has too many elements", "products")
	c.must(len(c.data.Customers) <= maxCustomers, "has too many elements", "customers")
	c.must(len(c.data.Orders) <= maxOrders, "has too many elements", "orders")
}

// id notes an id and checks that it is new.
func (c *dataCheck) id(seen map[int64]bool, id int64, path string, at ...any) {
	c.must(id >= 0, "must be positive", path, at...)
	c.must(id == 0 || !seen[id], "is not unique", path, at...)
	if id != 0 {
		seen[id] = true
	}
}

func (c *dataCheck) locationsAndStaff() {
	names := map[string]bool{}
	for i, l := range c.data.Locations {
		c.id(c.locations, l.ID, "locations[%d].id", i)
		c.must(l.Name != "" && !names[l.Name], "is required and unique", "locations[%d].name", i)
		names[l.Name] = true
		c.must(isRate(l.TaxRate), "must be from 0 to below 1", "locations[%d].tax_rate", i)
	}
	for i, m := range c.data.Staff {
		c.id(c.staff, m.ID, "staff[%d].id", i)
		c.must(m.FirstName != "", "is required", "staff[%d].first_name", i)
		c.must(m.LocationID == 0 || c.locations[m.LocationID], "is no location", "staff[%d].location_id", i)
	}
}

func isRate(d decimal.Decimal) bool {
	return d.Exponent() > -10 && d.Exponent() <= 0 && !d.IsNegative() && d.LessThan(decimal.NewFromInt(1))
}

// isAmount keeps amounts to what can be computed with without effort.
func isAmount(d decimal.Decimal) bool {
	return !d.IsNegative() && d.Exponent() >= -4 && d.Exponent() <= 9 && d.NumDigits() <= 18
}

func (c *dataCheck) products() {
	products, variants, handles := map[int64]bool{}, map[int64]bool{}, map[string]bool{}
	for i, p := range c.data.Products {
		c.id(products, p.ID, "products[%d].id", i)
		c.must(p.Title != "", "is required", "products[%d].title", i)
		c.must(p.Handle == "" || !handles[p.Handle], "is not unique", "products[%d].handle", i)
		handles[p.Handle] = true
		c.must(slices.Contains([]string{"", "ACTIVE", "ARCHIVED", "DRAFT"}, p.Status), "must be ACTIVE, ARCHIVED or DRAFT", "products[%d].status", i)
		c.must(len(p.Options) <= 3, "has more than 3 elements", "products[%d].options", i)
		c.must(len(p.Variants) > 0 && len(p.Variants) <= maxVariants, "must have 1 to 2048 elements", "products[%d].variants", i)
		for j, v := range p.Variants {
			c.id(variants, v.ID, "products[%d].variants[%d].id", i, j)
			c.must(v.SKU != "" && !c.skus[v.SKU], "is required and unique", "products[%d].variants[%d].sku", i, j)
			c.skus[v.SKU] = true
			c.must(len(v.Options) == len(p.Options), "must have a value for each option of the product", "products[%d].variants[%d].options", i, j)
			c.must(isAmount(v.Price), "must be an amount", "products[%d].variants[%d].price", i, j)
			c.must(isAmount(v.Cost), "must be an amount", "products[%d].variants[%d].cost", i, j)
			for l := range v.Stock {
				c.must(c.locations[l], "is no location", "products[%d].variants[%d].stock[%d]", i, j, l)
			}
		}
	}
}

var (
	emailStates = []string{"", "INVALID", "NOT_SUBSCRIBED", "PENDING", "SUBSCRIBED", "UNSUBSCRIBED"}
	smsStates   = []string{"", "NOT_SUBSCRIBED", "PENDING", "SUBSCRIBED", "UNSUBSCRIBED"}
)

func (c *dataCheck) people() {
	emails := map[string]bool{}
	for i, v := range c.data.Customers {
		c.id(c.customers, v.ID, "customers[%d].id", i)
		c.must(v.Email == "" || plausibleEmail(v.Email), "is no e-mail address", "customers[%d].email", i)
		c.must(v.Email == "" || !emails[strings.ToLower(v.Email)], "is not unique", "customers[%d].email", i)
		emails[strings.ToLower(v.Email)] = true
		c.must(v.Phone == "" || phoneShape.MatchString(v.Phone), "must be in the form of E.164", "customers[%d].phone", i)
		c.must(slices.Contains(emailStates, v.EmailMarketing), "is no CustomerEmailMarketingState", "customers[%d].email_marketing", i)
		c.must(slices.Contains(smsStates, v.SMSMarketing), "is no CustomerSmsMarketingState", "customers[%d].sms_marketing", i)
	}
}

func (c *dataCheck) orders() {
	ids := map[int64]bool{}
	var last time.Time
	for i, o := range c.data.Orders {
		c.id(ids, o.ID, "orders[%d].id", i)
		c.must(!o.At.IsZero() && !o.At.Before(last), "is required and not before the order above", "orders[%d].at", i)
		last = o.At
		c.must(o.LocationID == 0 || c.locations[o.LocationID], "is no location", "orders[%d].location_id", i)
		c.must(o.StaffID == 0 || c.staff[o.StaffID], "is no member of staff", "orders[%d].staff_id", i)
		c.must(o.CustomerID == 0 || c.customers[o.CustomerID], "is no customer", "orders[%d].customer_id", i)
		_, ok := tender(o.Tender)
		c.must(ok, "must be card, cash or gift_card", "orders[%d].tender", i)
		c.must(len(o.Lines) > 0 && len(o.Lines) <= maxLines, "must have 1 to 500 elements", "orders[%d].lines", i)
		c.must(validDiscount(o.Discount), "must have a percent or an amount", "orders[%d].discount", i)
		c.must(isAmount(o.Shipping), "must be an amount", "orders[%d].shipping", i)
		c.must(isRate(o.TaxRate), "must be from 0 to below 1", "orders[%d].tax_rate", i)
		for j, l := range o.Lines {
			c.must(c.skus[l.SKU], "is no variant", "orders[%d].lines[%d].sku", i, j)
			c.must(l.Quantity > 0 && l.Quantity <= maxPieces, "must be 1 to 10000", "orders[%d].lines[%d].quantity", i, j)
			c.must(l.Price == nil || isAmount(*l.Price), "must be an amount", "orders[%d].lines[%d].price", i, j)
			c.must(validDiscount(l.Discount), "must have a percent or an amount", "orders[%d].lines[%d].discount", i, j)
		}
		c.refunds(i, o)
	}
}

func (c *dataCheck) refunds(i int, o OrderData) {
	back := make([]int, len(o.Lines))
	for j, r := range o.Refunds {
		c.must(!r.At.Before(o.At), "is before the order", "orders[%d].refunds[%d].at", i, j)
		c.must(r.LocationID == 0 || c.locations[r.LocationID], "is no location", "orders[%d].refunds[%d].location_id", i, j)
		c.must(len(r.Lines) > 0 && len(r.Lines) <= maxLines, "must have 1 to 500 elements", "orders[%d].refunds[%d].lines", i, j)
		for k, l := range r.Lines {
			c.must(l.Line >= 0 && l.Line < len(o.Lines), "is no line of the order", "orders[%d].refunds[%d].lines[%d].line", i, j, k)
			if c.err != nil {
				return
			}
			back[l.Line] += max(l.Quantity, 0)
			c.must(l.Quantity > 0 && back[l.Line] <= o.Lines[l.Line].Quantity, "is more than was bought", "orders[%d].refunds[%d].lines[%d].quantity", i, j, k)
			c.must(isReturnReason(l.Reason), "is no ReturnReason and no handle of one", "orders[%d].refunds[%d].lines[%d].reason", i, j, k)
		}
	}
}

// validDiscount tells whether d is nil or takes something off, in one way.
func validDiscount(d *Discount) bool {
	if d == nil {
		return true
	}
	if d.Percent.IsZero() == d.Amount.IsZero() {
		return false
	}
	return isAmount(d.Percent) && isAmount(d.Amount) && d.Percent.LessThanOrEqual(hundred)
}
