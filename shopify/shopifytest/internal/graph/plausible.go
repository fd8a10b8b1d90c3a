package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usuallyNull reports fields that say that something ended or went wrong, which
// is not the usual state of things.
func usuallyNull(field string) bool {
	switch field {
	case "errorCode", "partialDataUrl", "staffMember", "deprecationReason":
		return true
	}
	for _, prefix := range []string{"cancel", "deleted", "closedAt", "failure", "expire", "archived"} {
		if strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}

// generatedEpoch is the start of the year in which generated times lie.
var generatedEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// generateScalar makes a value of a scalar type that looks as one would expect
// of a field of this name.
func (e *Engine) generateScalar(typeName, parentType, field string, parent Object, seed uint64) any {
	small := int(seed % 50)
	switch typeName {
	case "Boolean":
		return seed&1 == 0
	case "Int":
		return small
	case "Float":
		return float64(seed%10_000) / 100
	case "Decimal", "Money":
		return fmt.Sprintf("%d.%02d", seed%200, seed>>8%100)
	case "BigInt", "UnsignedInt64":
		if field == "legacyResourceId" {
			if n, ok := number(parent.ID()); ok {
				return n
			}
		}
		return strconv.FormatUint(seed%1_000_000, 10)
	case "DateTime":
		return generatedEpoch.Add(time.Duration(seed%(300*24*3600)) * time.Second)
	case "Date":
		return generatedEpoch.AddDate(0, 0, int(seed%300))
	case "URL":
		return fmt.Sprintf("https://%s/%s/%d", e.opts.ShopDomain, strings.ToLower(parentType), seed%100_000)
	case "ID":
		return globalID(e.idType(parentType, field), seed)
	case "JSON":
		return map[string]any{"value": small}
	case "HTML":
		return "<p>" + e.words(parentType, field, seed) + "</p>"
	case "Color":
		return fmt.Sprintf("#%06x", seed%0x1000000)
	case "UtcOffset":
		return "+00:00"
	case "ARN":
		return fmt.Sprintf("arn:aws:events:us-east-1::event-source/aws.partner/shopify.com/%d/source", seed%1_000_000)
	case "StorefrontID":
		return globalID(parentType, seed)
	}
	return e.words(parentType, field, seed)
}

// idType guesses the type of an ID from the name of its field: productId is a
// Product's.
func (e *Engine) idType(parentType, field string) string {
	name := strings.TrimSuffix(field, "Id")
	if name != "" {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	if e.field(name, "id") != nil {
		return name
	}
	return parentType
}

var (
	firstNames = []string{"Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro"}
	lastNames  = []string{"Abara", "Berg", "Castro", "Dahl", "Evans", "Fuchs", "Green", "Haddad"}
	streets    = []string{"Alder Street", "Birch Lane", "Cedar Road", "Dogwood Avenue"}
	cities     = []string{"Riverton", "Lakeside", "Hillview", "Marshfield"}
)

// words makes a text. People and addresses are invented.
func (e *Engine) words(parentType, field string, seed uint64) string {
	pick := func(list []string, shift uint) string { return list[(seed>>shift)%uint64(len(list))] }
	n := seed % 10_000
	is := func(names ...string) bool { return slices.Contains(names, field) }
	switch {
	case is("firstName"):
		return pick(firstNames, 0)
	case is("lastName"):
		return pick(lastNames, 8)
	case is("email", "contactEmail", "customerEmail", "emailAddress"):
		return fmt.Sprintf("%s.%d@example.com", strings.ToLower(pick(firstNames, 0)), n)
	case is("phone", "phoneNumber"):
		return fmt.Sprintf("+1555555%04d", n)
	case is("displayName") || is("name") && strings.Contains(parentType, "Address"):
		return pick(firstNames, 0) + " " + pick(lastNames, 8)
	case is("address1"):
		return fmt.Sprintf("%d %s", 1+n%900, pick(streets, 4))
	case is("city"):
		return pick(cities, 4)
	case is("zip"):
		return fmt.Sprintf("%05d", seed%100_000)
	case is("country"):
		return "United States"
	case is("timezone", "ianaTimezone"):
		return "Etc/UTC"
	case is("myshopifyDomain"):
		return e.opts.ShopDomain
	case is("handle", "sku", "barcode", "code", "key", "namespace", "token"):
		return fmt.Sprintf("%s-%d", field, n)
	}
	return fmt.Sprintf("%s %s %d", parentType, field, n)
}
