package main

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// baseline judges a sale without a model: the occasion by rules, the products
// by co-purchase similarity (the candidates come best first), the message from
// a template. It never fails and always gives the same answer for the same
// sale.
func baseline(s *Sale, candidates []Candidate) Judgment {
	j := Judgment{Occasion: occasion(s), Recommendations: []Pick{}}
	for _, c := range candidates[:min(len(candidates), maxPicks)] {
		j.Recommendations = append(j.Recommendations, Pick{ProductID: c.ProductID, Reason: reason(s, c)})
	}
	j.Message = message(s, j.Occasion)
	return j
}

// occasion decides by what the sale says of itself first, by the customer's
// history second.
func occasion(s *Sale) Occasion {
	if s.Gift {
		return OccasionGift
	}
	if s.Customer == nil || len(s.Customer.Bought) == 0 {
		return OccasionUnknown
	}
	newType := false
	for _, l := range s.Lines {
		if s.Customer.Bought[l.ProductID] {
			return OccasionReplenishment
		}
		if l.ProductType != "" && !s.Customer.BoughtTypes[l.ProductType] {
			newType = true
		}
	}
	if newType {
		return OccasionDiscovery
	}
	return OccasionUnknown
}

func reason(s *Sale, c Candidate) string {
	switch {
	case c.Score <= 0:
		return "A favorite in our store."
	case len(s.products()) == 1:
		return "Often chosen together with what you took home."
	}
	return "Often chosen together with pieces like yours."
}

// templates hold two wordings for each occasion; which one is used depends on
// the order, so that a customer who comes back is not greeted by the same
// sentence each time, while the same order always gets the same words.
var templates = map[Occasion][2]string{
	OccasionGift: {
		"a gift like this says you were thinking of someone. We hope it is unwrapped with a smile.",
		"we loved helping you find something for someone special. May it bring them joy.",
	},
	OccasionReplenishment: {
		"it is good to see you come back for something you like. Enjoy having it around again.",
		"some things are worth coming back for. We are glad this is one of them.",
	},
	OccasionDiscovery: {
		"how lovely that you tried something new with us. We hope it becomes a favorite.",
		"here is to new discoveries. We hope you enjoy getting to know this one.",
	},
	OccasionUnknown: {
		"we hope you enjoy what you took home. It was a pleasure to have you in the store.",
		"it was lovely to have you with us. Enjoy what you found.",
	},
}

func message(s *Sale, o Occasion) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.OrderID))
	body := templates[o][h.Sum32()%2]
	greeting := "Thank you for shopping with us"
	if s.ShopName != "" {
		greeting = "Thank you for visiting " + s.ShopName
	}
	if name := s.firstName(); name != "" && checkText("name", name, 1, 40, &Sale{}, nil) == nil {
		greeting += ", " + name
	}
	return fmt.Sprintf("%s: %s", strings.TrimSpace(greeting), body)
}
