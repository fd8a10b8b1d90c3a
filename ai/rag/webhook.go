package rag

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// ErrTopic is returned by [FromWebhook] for topics that are of no use to an index.
var ErrTopic = errors.New("rag: topic without changes for an index")

// ErrIncomplete is returned by [FromWebhook] for a product with more variants than
// Shopify sends with an event, which is 100: read it from the API and [Put] it.
var ErrIncomplete = errors.New("rag: payload without all variants")

// maxPayload bounds what is decoded.
const maxPayload = 16 << 20

// FromWebhook returns the changes that an event of Shopify means: of the topics
// products/create, products/update, products/delete, inventory_levels/connect,
// inventory_levels/update and inventory_levels/disconnect. Triggered is when it
// happened (the header X-Shopify-Triggered-At); it may be zero but for disconnect, whose
// payload has no time.
//
// A product that is not active is deleted, until it is. Events say nothing about
// collections: see [SetCollections]. Errors match [ErrTopic], [ErrIncomplete] or
// [ErrInvalid] and quote nothing of the payload.
//
// https://shopify.dev/docs/api/webhooks/latest#list-of-topics
func FromWebhook(topic string, payload json.RawMessage, triggered time.Time) ([]Change, error) {
	if len(payload) > maxPayload {
		return nil, invalid("payload of %d bytes", len(payload))
	}
	var c Change
	var err error
	switch topic {
	case "products/create", "products/update":
		c, err = productChange(payload, triggered)
	case "products/delete":
		var p struct {
			ID number `json:"id"`
		}
		if err = decodePayload(payload, &p); err == nil && p.ID == 0 {
			err = invalid("payload without id")
		}
		c = Delete{ID: gid("Product", p.ID)}
	case "inventory_levels/connect", "inventory_levels/update", "inventory_levels/disconnect":
		c, err = levelChange(topic, payload, triggered)
	default:
		return nil, fmt.Errorf("%w: %s", ErrTopic, strconv.QuoteToASCII(topic[:min(len(topic), 64)]))
	}
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("payload of %s: %w", topic, err)
	}
	return []Change{c}, nil
}

// A number is an id, which is a number or a string of digits.
type number uint64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		return nil
	}
	v, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return invalid("id")
	}
	*n = number(v)
	return nil
}

// tags are a list or a string with commas.
type tags []string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *tags) UnmarshalJSON(b []byte) error {
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return invalid("tags")
		}
		list = strings.Split(s, ",")
	}
	for _, tag := range list {
		if tag = strings.TrimSpace(tag); tag != "" {
			*t = append(*t, tag)
		}
	}
	return nil
}

func gid(kind string, n number) string {
	return "gid://shopify/" + kind + "/" + strconv.FormatUint(uint64(n), 10)
}

// decodePayload decodes JSON. Errors of package json quote what they read, so they are
// not passed on.
func decodePayload(payload json.RawMessage, v any) error {
	err := json.Unmarshal(payload, v)
	if err == nil || errors.Is(err, ErrInvalid) {
		return err
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return invalid("field %s is not of its type", strconv.QuoteToASCII(te.Field))
	}
	return invalid("not the JSON that was expected")
}

type productPayload struct {
	ID          number     `json:"id"`
	Title       string     `json:"title"`
	Handle      string     `json:"handle"`
	BodyHTML    string     `json:"body_html"`
	Vendor      string     `json:"vendor"`
	ProductType string     `json:"product_type"`
	Tags        tags       `json:"tags"`
	Status      string     `json:"status"`
	UpdatedAt   *time.Time `json:"updated_at"`
	Variants    []struct {
		ID              number          `json:"id"`
		Title           string          `json:"title"`
		SKU             string          `json:"sku"`
		Barcode         string          `json:"barcode"`
		Price           decimal.Decimal `json:"price"`
		InventoryItemID number          `json:"inventory_item_id"`
	} `json:"variants"`
	VariantGIDs []struct{} `json:"variant_gids"`
}

func productChange(payload json.RawMessage, triggered time.Time) (Change, error) {
	var p productPayload
	if err := decodePayload(payload, &p); err != nil {
		return nil, err
	}
	for _, s := range []*string{&p.Title, &p.Handle, &p.BodyHTML, &p.Vendor, &p.ProductType} {
		*s = strings.NewReplacer("\x00", "", "\x01", "").Replace(*s)
	}
	switch {
	case p.ID == 0:
		return nil, invalid("payload without id")
	case p.UpdatedAt == nil || p.UpdatedAt.IsZero():
		return nil, invalid("payload without updated_at")
	case len(p.VariantGIDs) > len(p.Variants):
		return nil, ErrIncomplete
	case p.Status != "" && p.Status != "active":
		return Delete{ID: gid("Product", p.ID), At: *p.UpdatedAt}, nil
	}
	d := Document{
		ID: gid("Product", p.ID), Kind: Product, Title: p.Title, Body: Text(p.BodyHTML), Vendor: p.Vendor, Type: p.ProductType,
		Tags: p.Tags, UpdatedAt: *p.UpdatedAt,
	}
	if p.Handle != "" {
		d.URL = "/products/" + p.Handle
	}
	for _, v := range p.Variants {
		if v.ID == 0 {
			return nil, invalid("variant without id")
		}
		w := Variant{ID: gid("ProductVariant", v.ID), Title: v.Title, SKU: strings.TrimSpace(v.SKU), Barcode: strings.TrimSpace(v.Barcode), Price: v.Price}
		if v.Title == "Default Title" {
			w.Title = ""
		}
		if v.InventoryItemID != 0 {
			w.InventoryItem = gid("InventoryItem", v.InventoryItemID)
		}
		d.Variants = append(d.Variants, w)
	}
	return Put{Document: d, Triggered: triggered}, nil
}

func levelChange(topic string, payload json.RawMessage, triggered time.Time) (Change, error) {
	var p struct {
		InventoryItemID number     `json:"inventory_item_id"`
		LocationID      number     `json:"location_id"`
		Available       *int64     `json:"available"`
		UpdatedAt       *time.Time `json:"updated_at"`
	}
	if err := decodePayload(payload, &p); err != nil {
		return nil, err
	}
	c := SetStock{
		InventoryItem: gid("InventoryItem", p.InventoryItemID), Level: Level{Location: gid("Location", p.LocationID)},
		Triggered: triggered,
	}
	switch {
	case p.UpdatedAt != nil:
		c.UpdatedAt = *p.UpdatedAt
	default:
		c.UpdatedAt = triggered
	}
	switch {
	case p.InventoryItemID == 0 || p.LocationID == 0:
		return nil, invalid("payload without ids")
	case c.UpdatedAt.IsZero():
		return nil, invalid("payload without a time")
	case topic == "inventory_levels/disconnect":
		c.Unknown = true
	case p.Available == nil:
		c.Untracked = true
	default:
		c.Available = *p.Available
	}
	return c, nil
}
