package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

// Link implements crm.Sink: it writes the key onto the contact, if that carries none.
func (s *Sink) Link(ctx context.Context, key, id string) error {
	if err := crm.CheckKey(key); err != nil {
		return fmt.Errorf("salesforce: key: %w", err)
	}
	if !idForm.MatchString(id) {
		return fmt.Errorf("salesforce: %w", crm.ErrNoRecord)
	}
	return s.link(ctx, key, id, true)
}

func (s *Sink) link(ctx context.Context, key, id string, urgent bool) error {
	f := s.opts.Contact
	has, err := s.tied(ctx, []string{key}, urgent)
	if err != nil {
		return err
	}
	if ids := has[key]; len(ids) > 0 {
		if len(ids) == 1 && long(ids[0]) == long(id) {
			return nil
		}
		return fmt.Errorf("salesforce: %w", crm.ErrLinked)
	}
	address := s.path("/sobjects/" + f.Object + "/" + id)
	resp, err := s.open(ctx, request{method: http.MethodGet, path: address + "?fields=Id," + f.Key, urgent: urgent})
	if e, ok := errors.AsType[*APIError](err); ok && e.Status == http.StatusNotFound {
		return fmt.Errorf("salesforce: %w", crm.ErrNoRecord)
	}
	if err != nil {
		return err
	}
	defer drain(resp)
	body, err := readAll(resp.Body, 1<<20)
	if err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	var now row
	if json.Unmarshal(body, &now) != nil || now.text("Id") == "" {
		return fmt.Errorf("salesforce: %w: the answer is not a record", crm.ErrUnavailable)
	}
	if now.text(f.Key) != "" {
		return fmt.Errorf("salesforce: %w", crm.ErrLinked)
	}
	// Only if nobody changed it since it was read: else it may have another key by now.
	// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api/intro_rest_conditional_requests.htm
	header := maps.Clone(saveDuplicates)
	if modified := cmp.Or(resp.Header.Get("Last-Modified"), resp.Header.Get("Date")); modified != "" {
		header["If-Unmodified-Since"] = []string{modified}
	}
	res, err := s.writeOne(ctx, request{method: http.MethodPatch, path: address, header: header, urgent: urgent}, map[string]any{f.Key: key})
	switch {
	case err != nil:
		return err
	case res.Success:
		return nil
	case res.code() == "DUPLICATE_VALUE":
		return fmt.Errorf("salesforce: %w", crm.ErrLinked)
	case gone(res):
		return fmt.Errorf("salesforce: %w", crm.ErrNoRecord)
	}
	_, failed := verdict(res.code(), res.Errors[0].fields())
	return fmt.Errorf("salesforce: %w", failed)
}
