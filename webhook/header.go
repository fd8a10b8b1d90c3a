package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// fromHeader reads what headers say about a delivery.
func fromHeader(header http.Header) (d Delivery, err error) {
	get := func(name string, required bool, valid func(string) bool) string {
		value, e := family(header, name)
		switch {
		case err != nil:
		case e != nil:
			err = e
		case value == "" && required:
			err = fmt.Errorf("the header X-Shopify-%s is missing", name)
		case value != "" && !valid(value):
			err = fmt.Errorf("the header X-Shopify-%s is malformed", name)
		}
		return value
	}
	d.Topic = get("Topic", true, validTopic)
	d.Shop = strings.ToLower(get("Shop-Domain", true, func(s string) bool { return validShop(strings.ToLower(s)) }))
	d.WebhookID = get("Webhook-Id", false, validText)
	d.EventID = get("Event-Id", false, validText)
	d.APIVersion = get("Api-Version", false, validText)
	d.Name = get("Name", false, validText)
	// A time that cannot be read is no reason to lose the delivery.
	if value, _ := family(header, "Triggered-At"); value != "" {
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			d.TriggeredAt = at
		}
	}
	return d, err
}

// family returns the value of a header from the family shopify-* or else from
// X-Shopify-*.
func family(header http.Header, name string) (string, error) {
	for _, prefix := range [...]string{"Shopify-", "X-Shopify-"} {
		switch values := header[prefix+name]; len(values) {
		case 0:
		case 1:
			if values[0] != "" {
				return values[0], nil
			}
		default:
			return "", fmt.Errorf("the header %s%s is repeated", prefix, name)
		}
	}
	return "", nil
}
