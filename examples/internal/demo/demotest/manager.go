package demotest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/posai-go/posai/approval/console"
	"github.com/posai-go/posai/examples/internal/demo"
)

// Manage approves at the console of a service whatever waits there, signing in
// again whenever the service dies, until ctx ends. It returns how many
// approvals were acknowledged; more may have arrived.
func Manage(ctx context.Context, t *testing.T, v *Victim) (acknowledged int) {
	var browser *demo.Browser
	for ctx.Err() == nil {
		if browser == nil {
			browser = v.signIn(ctx, t)
		}
		if browser != nil {
			n, err := approveAll(ctx, browser)
			acknowledged += n
			if err != nil {
				browser = nil // it was killed, or somebody was faster
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(30 * time.Millisecond):
		}
	}
	return acknowledged
}

func (v *Victim) signIn(ctx context.Context, t *testing.T) *demo.Browser {
	key, err := os.ReadFile(filepath.Join(v.Dir, "console.key"))
	if err != nil {
		return nil // it has not started yet
	}
	links, err := console.NewSignedLinks(key, nil)
	if !assert.NoError(t, err) {
		return nil
	}
	link, err := links.Link(v.URL()+"/approvals/", demo.Manager, "")
	if !assert.NoError(t, err) {
		return nil
	}
	browser, err := demo.SignIn(ctx, link)
	if err != nil {
		return nil
	}
	return browser
}

func approveAll(ctx context.Context, b *demo.Browser) (n int, err error) {
	ids, err := b.Waiting(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := b.Approve(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
