package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/posai-go/posai/approval"
)

// post is what is remembered about one message, for as long as it still has to
// change: the work that is to be done in Slack, as the requests say it.
type post struct {
	Channel string    `json:"channel"`
	Part    string    `json:"part"`
	TS      string    `json:"ts,omitempty"`     // the message's ID in its channel; empty while it is being posted
	Shown   string    `json:"shown,omitempty"`  // fingerprint of what the message says
	Brief   bool      `json:"brief,omitempty"`  // Slack refused the whole card
	Since   time.Time `json:"since"`            // when posting began
	Holder  string    `json:"holder,omitempty"` // process that posts or posted it
	Claimed time.Time `json:"claimed,omitzero"` // when the holder began

	// Maybe is set while it is not known whether Slack has the message: a call
	// was begun and its answer never came.
	Maybe bool `json:"maybe,omitempty"`

	name    string
	version int64
}

const postPrefix = "slack/post/"

// prefix is that of the posts of a workspace.
func (t *team) prefix() string {
	if t.id == "" {
		return postPrefix + "-/"
	}
	return postPrefix + t.id + "/"
}

// maxPosts bounds how many messages there are about one request in a workspace.
const maxPosts = 200

// posts returns what is remembered about the messages of a request.
func (w *worker) posts(ctx context.Context, request string) (map[postKey]*post, error) {
	docs, err := w.opts.Store.Documents(ctx, w.team.prefix()+request+"/", "", maxPosts)
	if err != nil {
		return nil, err
	}
	list := make(map[postKey]*post, len(docs))
	for _, d := range docs {
		p := &post{name: d.Name, version: d.Version}
		if err := json.Unmarshal(d.Data, p); err != nil {
			return nil, errors.New("slack: what is remembered of a message cannot be read")
		}
		list[postKey{p.Channel, p.Part}] = p
	}
	return list, nil
}

type postKey struct{ channel, part string }

func (w *worker) newPost(request string, key postKey) *post {
	return &post{Channel: key.channel, Part: key.part, name: w.team.prefix() + request + "/" + key.channel + "/" + key.part}
}

// save stores p, unless another process was faster: then the error matches
// [approval.ErrConflict].
func (w *worker) save(ctx context.Context, p *post) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	stored, err := w.opts.Store.SetDocument(ctx, approval.Document{Name: p.name, Version: p.version, Data: data})
	if err == nil {
		p.version = stored.Version
	}
	return err
}

// drop forgets p.
func (w *worker) drop(ctx context.Context, p *post) error {
	if p.version == 0 {
		return nil
	}
	return w.opts.Store.DropDocument(ctx, p.name, p.version)
}

// eachPosted calls f for each request with remembered messages, until f returns
// false.
func (w *worker) eachPosted(ctx context.Context, f func(request string) bool) error {
	prefix, after := w.team.prefix(), ""
	for {
		docs, err := w.opts.Store.Documents(ctx, prefix, after, 200)
		if err != nil {
			return err
		}
		for _, d := range docs {
			request, _, _ := strings.Cut(strings.TrimPrefix(d.Name, prefix), "/")
			if !f(request) {
				return nil
			}
			after = d.Name
		}
		if len(docs) < 200 {
			return nil
		}
	}
}
