package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// ApproveOverHTTP does at the console what a manager's browser does: opens the
// sign-in link, confirms it, looks at the request, and approves exactly what
// was shown.
func ApproveOverHTTP(ctx context.Context, signInLink, requestID string) error {
	return approveWith(ctx, signInLink, requestID, nil)
}

func approveWith(ctx context.Context, signInLink, requestID string, changes map[string]string) error {
	b, err := SignIn(ctx, signInLink)
	if err != nil {
		return err
	}
	return b.ApproveWith(ctx, requestID, changes)
}

// Browser is a scripted manager at the console. It keeps cookies and asks for
// JSON.
type Browser struct {
	client *http.Client
	base   *url.URL
}

// SignIn opens a sign-in link and confirms it.
func SignIn(ctx context.Context, link string) (*Browser, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &Browser{
		client: &http.Client{Jar: jar, Timeout: time.Minute},
		base:   u.ResolveReference(&url.URL{Path: strings.TrimSuffix(u.Path, "sign-in")}),
	}
	if err := b.do(ctx, http.MethodGet, "sign-in", u.Query(), nil); err != nil {
		return nil, fmt.Errorf("sign-in page: %w", err)
	}
	if err := b.do(ctx, http.MethodPost, "sign-in", url.Values{"token": u.Query()["token"]}, nil); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	return b, nil
}

// Waiting returns the IDs of the requests that wait for the manager, the oldest
// first, as many as the console lists.
func (b *Browser) Waiting(ctx context.Context) ([]string, error) {
	var page struct {
		Waiting []struct {
			ID string `json:"id"`
		} `json:"waiting"`
	}
	if err := b.do(ctx, http.MethodGet, "", nil, &page); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	ids := make([]string, len(page.Waiting))
	for i, r := range page.Waiting {
		ids[i] = r.ID
	}
	return ids, nil
}

// Approve looks at a request and approves exactly what was shown.
func (b *Browser) Approve(ctx context.Context, requestID string) error {
	return b.ApproveWith(ctx, requestID, nil)
}

// ApproveWith looks at a request and approves it with these fields of its form changed.
func (b *Browser) ApproveWith(ctx context.Context, requestID string, changes map[string]string) error {
	var page struct {
		CSRF    string `json:"csrf"`
		Request struct {
			Digest string `json:"digest"`
		} `json:"request"`
	}
	path := "requests/" + url.PathEscape(requestID)
	if err := b.do(ctx, http.MethodGet, path, nil, &page); err != nil {
		return fmt.Errorf("request page: %w", err)
	}
	decision := url.Values{"csrf": {page.CSRF}, "digest": {page.Request.Digest}, "verdict": {"approve"}}
	for name, value := range changes {
		decision.Set("verdict", "edit")
		decision.Set("field."+name, value)
	}
	if err := b.do(ctx, http.MethodPost, path+"/decision", decision, nil); err != nil {
		return fmt.Errorf("decision: %w", err)
	}
	return nil
}

// do sends values as query of a GET or as form of a POST, and decodes the
// answer into result if there is one to be had.
func (b *Browser) do(ctx context.Context, method, path string, values url.Values, result any) error {
	target := b.base.JoinPath(path)
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(values.Encode())
	} else {
		target.RawQuery = values.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.base.Scheme+"://"+b.base.Host)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		var urlError *url.Error // its text holds the link
		if errors.As(err, &urlError) {
			err = urlError.Err
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the console answered %s", resp.Status)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer, result)
}
