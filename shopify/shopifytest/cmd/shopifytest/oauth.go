package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/posai-go/posai/shopify/shopifytest"
)

// duration is a time.Duration in JSON: "10m".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = errors.New("a lifetime must not be negative")
	}
	*d = duration(v)
	return err
}

// readOAuth reads the flag -oauth into the options, which keep their client ID.
func readOAuth(text string, out *shopifytest.OAuth) error {
	var in struct {
		OldSecret       string   `json:"old_secret"`
		RedirectURLs    []string `json:"redirect_urls"`
		Grant           []string `json:"grant"`
		RequireExpiring bool     `json:"require_expiring"`
		AccessLifetime  duration `json:"access_lifetime"`
		RefreshLifetime duration `json:"refresh_lifetime"`
		RetryLifetime   duration `json:"retry_lifetime"`
		OnlineLifetime  duration `json:"online_lifetime"`
		ClientLifetime  duration `json:"client_lifetime"`
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("must be a JSON object: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("must be one JSON object")
	}
	*out = shopifytest.OAuth{
		ClientID: out.ClientID, OldSecret: in.OldSecret, RedirectURLs: in.RedirectURLs, Grant: in.Grant, RequireExpiring: in.RequireExpiring,
		AccessLifetime: time.Duration(in.AccessLifetime), RefreshLifetime: time.Duration(in.RefreshLifetime),
		RetryLifetime: time.Duration(in.RetryLifetime), OnlineLifetime: time.Duration(in.OnlineLifetime), ClientLifetime: time.Duration(in.ClientLifetime),
	}
	return nil
}
