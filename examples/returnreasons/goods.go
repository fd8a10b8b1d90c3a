package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Goods is what came back, or is to come back, in one go: a return, or a refund
// that has none.
type Goods struct {
	ID        string // GID of the return or the refund
	Name      string // "#1042-R1", or the order's name for a refund
	OrderID   string // GID
	OrderName string
	At        time.Time
	Channel   string // "pos", "online" or the order's source
	Location  string // GID of the store that sold it, or ""
	Status    string // of a return: REQUESTED, OPEN, CLOSED, DECLINED, CANCELED
	Items     []Item

	// person is who may be named in the notes. It leaves this process nowhere.
	person person
}

// Item is one line of it.
type Item struct {
	Key          string // "1", "2", …: how a model names it
	LineItemID   string // GID of the order's line
	ProductID    string // GID, or "" for a custom article
	ProductTitle string
	ProductType  string
	Quantity     int
	Native       Definition // the reason that was picked in Shopify
	StaffNote    string
	CustomerNote string
}

// Definition is one of Shopify's return reason definitions.
type Definition struct {
	ID     string `json:"id,omitempty"` // GID
	Handle string `json:"handle"`
	Name   string `json:"name,omitempty"`
}

// maxText is how much of an item's notes is read, in bytes.
const maxText = 4000

// text is what people wrote about the item.
func (i Item) text() string {
	var parts []string
	for _, note := range []string{i.CustomerNote, i.StaffNote} {
		if note = strings.TrimSpace(strings.ToValidUTF8(note, "\uFFFD")); note != "" {
			parts = append(parts, note)
		}
	}
	text := strings.Join(parts, "\n")
	if len(text) > maxText {
		text = text[:maxText]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// silent says whether nobody gave a reason, in words or by picking one.
func (i Item) silent() bool {
	return strings.Trim(i.text(), " \t\n.-–—?!/") == "" && reasonOf(i.Native.Handle) == ReasonAbstain
}

// digest names what a judgment was made from: what came back and what was said
// about it. It does not change with the state of the return.
func (g *Goods) digest() string {
	type item struct {
		Line, Native, Staff, Customer string
		Quantity                      int
	}
	var items []item
	for _, i := range g.Items {
		items = append(items, item{i.LineItemID, i.Native.Handle, i.StaffNote, i.CustomerNote, i.Quantity})
	}
	data, _ := json.Marshal(items) // strings and numbers
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
