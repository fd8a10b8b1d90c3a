package main

import (
	"slices"
	"strings"
)

// Reason is why something came back. The values are in metafields and in the
// audit log: new ones may be added, old ones keep their meaning.
type Reason string

// The reasons, in the order in which they are listed.
const (
	ReasonDefective      Reason = "defective"        // broken, stained, worn out too soon
	ReasonSize           Reason = "size"             // does not fit a person or a place
	ReasonNotAsDescribed Reason = "not_as_described" // differs from picture or description
	ReasonWrongItem      Reason = "wrong_item"       // the shop handed out or sent something else
	ReasonArrivedLate    Reason = "arrived_late"     // came after it was needed
	ReasonChangedMind    Reason = "changed_mind"     // not wanted any more, or by mistake
	ReasonGift           Reason = "gift"             // was a gift that the receiver does not keep
	ReasonOther          Reason = "other"            // a reason, but none of these
	ReasonAbstain        Reason = "abstain"          // no reason is given
)

var reasons = []Reason{
	ReasonDefective, ReasonSize, ReasonNotAsDescribed, ReasonWrongItem, ReasonArrivedLate,
	ReasonChangedMind, ReasonGift, ReasonOther, ReasonAbstain,
}

// SchemaValues lists the reasons for the schema that a model is given.
func (Reason) SchemaValues() []string { return names(reasons) }

func names(list []Reason) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = string(r)
	}
	return out
}

var reasonText = map[Reason]string{
	ReasonDefective: "Defective", ReasonSize: "Size or fit", ReasonNotAsDescribed: "Not as described", ReasonWrongItem: "Wrong item",
	ReasonArrivedLate: "Arrived late", ReasonChangedMind: "Changed mind", ReasonGift: "Unwanted gift", ReasonOther: "Other", ReasonAbstain: "No reason given",
}

// String returns the reason for people.
func (r Reason) String() string {
	if text, ok := reasonText[r]; ok {
		return text
	}
	return string(r)
}

func (r Reason) valid() bool { return slices.Contains(reasons, r) }

// aboutProduct says whether the reason can point to an issue of the product
// itself or of how it is sold, packed and sent.
func (r Reason) aboutProduct() bool {
	return slices.Contains(reasons[:5], r)
}

// nativeReasons maps the handles of Shopify's return reason definitions that say
// what we say. Those that are not here are about a property of the product.
//
// Source: https://github.com/Shopify/product-taxonomy/blob/main/data/return_reasons.yml
var nativeReasons = map[string]Reason{
	"unknown": ReasonAbstain, "other-reason": ReasonAbstain,
	"changed-my-mind": ReasonChangedMind, "style": ReasonChangedMind, "color": ReasonChangedMind, "budget": ReasonChangedMind, "duplicate-order": ReasonChangedMind,
	"ordered-multiple": ReasonChangedMind, "ordered-wrong-item": ReasonChangedMind, "ordered-wrong-format": ReasonChangedMind, "trial-period-ending": ReasonChangedMind,
	"item-not-as-described": ReasonNotAsDescribed, "received-the-wrong-item": ReasonWrongItem, "wrong-amount": ReasonWrongItem,
	"arrived-late": ReasonArrivedLate, "delivery-issue": ReasonArrivedLate,
	"damaged-or-defective": ReasonDefective, "breaks-easily": ReasonDefective, "damaged-after-use": ReasonDefective, "damaged-after-washing": ReasonDefective,
	"damaged-after-wear": ReasonDefective, "damaged-packaging": ReasonDefective, "dried-out": ReasonDefective, "dye-transferred": ReasonDefective,
	"embellishment-fell-off": ReasonDefective, "lens-scratched": ReasonDefective, "loose-seams": ReasonDefective, "loose-threads": ReasonDefective,
	"packaging-not-sealed": ReasonDefective, "pilling": ReasonDefective, "poor-stitching": ReasonDefective, "product-leaks": ReasonDefective,
	"product-overheats": ReasonDefective, "pulls-in-fabric": ReasonDefective, "quality": ReasonDefective, "scratched": ReasonDefective,
	"seams-splitting": ReasonDefective, "stained": ReasonDefective, "surface-damage": ReasonDefective, "tarnished": ReasonDefective,
	"width": ReasonSize, "depth": ReasonSize, "diameter": ReasonSize,
	"caused-allergic-reaction": ReasonOther, "caused-irritation": ReasonOther, "dietary-requirements": ReasonOther, "compliance": ReasonOther,
}

var sizeWords = []string{
	"too-small", "too-big", "too-long", "too-short", "too-tight", "too-loose", "too-wide", "too-narrow", "too-deep", "too-shallow", "too-high", "too-low",
	"doesnt-fit", "didnt-fit", "gaping", "tight-around", "loose-around",
}

// reasonOf returns the reason that the handle of a native definition stands for.
// ReasonAbstain means that it says nothing.
func reasonOf(handle string) Reason {
	if handle == "" {
		return ReasonAbstain
	}
	if r, ok := nativeReasons[handle]; ok {
		return r
	}
	if slices.ContainsFunc(sizeWords, func(w string) bool { return strings.Contains(handle, w) }) {
		return ReasonSize
	}
	return ReasonNotAsDescribed
}
