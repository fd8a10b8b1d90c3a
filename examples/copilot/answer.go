package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
	"github.com/posai-go/posai/ai/rag"
	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/toolgate"
	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/examples/internal/demo"
)

// copilot answers questions.
type copilot struct {
	shop     *shop
	queue    *approval.Queue
	log      *audit.Log
	model    ai.Model // nil: search alone answers
	gate     *toolgate.Gate
	hold     *ai.BoundTool
	timeout  time.Duration
	answerIn time.Duration
	sessions *sessions
	logger   *slog.Logger
}

// mode is who asks.
type mode string

const (
	associate mode = "associate" // staff, who may see a customer's history
	kiosk     mode = "kiosk"     // anybody who comes by
)

// asked is a question and where it comes from.
type asked struct {
	mode     mode
	session  *session
	staff    string // who is signed in; "" at a kiosk
	customer string // GID; of an associate alone
	here     place
	channel  string // web or pos
	question string
}

// turn is a question being answered.
type turn struct {
	*copilot
	asked
	id      string
	sources *sources
	emit    func(block) // sends a block to who asked
	history *history    // of the customer; nil at a kiosk

	mu       sync.Mutex
	blocks   []block
	shown    map[string]bool
	rejected int      // lines of the model that were not let through
	pending  []string // requests of the model's calls that wait for a manager
}

// outcome says how a question was answered.
type outcome struct {
	By  string `json:"by"` // "search", or provider and name of the model
	AI  bool   `json:"ai"`
	Why string `json:"why,omitempty"` // search answered although there is a model
}

// maxBlocks is the most that one answer shows.
const maxBlocks = 8

// answer answers a question, block by block, and records that it did. A block is sent
// when it is checked, and never taken back. An error is one of this program's own
// parts, or the end of ctx.
func (c *copilot) answer(ctx context.Context, a asked, emit func(block)) (outcome, error) {
	t := &turn{copilot: c, asked: a, id: a.session.next(), sources: newSources(), emit: emit, shown: map[string]bool{}}
	t.session.mu.Lock() // one question of a conversation at a time
	defer t.session.mu.Unlock()
	result := outcome{By: "search"}
	if wantsPerson(t.question) {
		if err := t.call(ctx, reasonAsked); err != nil {
			return result, err
		}
		return result, t.record(ctx, result, nil)
	}
	if t.mode == associate && t.customer != "" {
		t.history = t.shop.history(ctx, t.customer)
		if t.history != nil {
			t.sources.bought = t.history.products
		}
	}
	var model *audit.Model
	if c.model != nil {
		var why string
		model, why = t.askModel(ctx)
		switch {
		case ctx.Err() != nil:
			return result, ctx.Err()
		case len(t.blocks) > 0:
			result = outcome{By: model.Provider + " " + model.Name, AI: true, Why: why}
		default:
			result.Why, model = why, nil
		}
	}
	if len(t.blocks) == 0 {
		found, err := t.answerFromSearch(ctx)
		if err != nil {
			return result, err
		}
		if !found {
			if err := t.call(ctx, reasonNothing); err != nil {
				return result, err
			}
		}
	}
	t.session.remember(t.question, t.blocks)
	return result, t.record(ctx, result, model)
}

// send delivers a block, unless there are too many or it is there already.
func (t *turn) send(key string, b block) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.blocks) >= maxBlocks || t.shown[key] {
		return false
	}
	t.shown[key] = true
	t.blocks = append(t.blocks, b)
	t.emit(b)
	return true
}

// showProduct shows a product as it is now. The card is nil if it is gone, or shown
// already.
func (t *turn) showProduct(ctx context.Context, id string, variants []string, insteadOf, why, by string) (*card, error) {
	c, err := t.shop.card(ctx, id, variants, t.here)
	if err != nil || c == nil {
		return nil, err
	}
	if insteadOf != "" {
		docs, err := t.shop.index.Documents(ctx, insteadOf)
		if err != nil {
			return nil, err
		}
		if len(docs) > 0 {
			c.InsteadOf = plain(docs[0].Title)
		}
	}
	c.Why, c.Bought = why, t.sources.bought[id]
	if !t.send("product "+id, block{Kind: "card", By: by, Card: c}) {
		return nil, nil
	}
	return c, nil
}

// showPolicy shows a section of the policies, word for word.
func (t *turn) showPolicy(ctx context.Context, id, by string) error {
	docs, err := t.shop.index.Documents(ctx, id)
	if err != nil || len(docs) == 0 || docs[0].Kind != rag.Policy {
		return err
	}
	d := docs[0]
	t.send("policy "+id, block{Kind: "policy", By: by, Policy: &policy{ID: d.ID, Title: d.Title, Text: d.Body, URL: d.URL}})
	return nil
}

// askModel lets the model answer, and returns what it was, and why it did not come to
// its end, if so. What it shows by then stays.
func (t *turn) askModel(ctx context.Context) (*audit.Model, string) {
	info := t.model.Info()
	record := &audit.Model{Provider: info.Provider, Name: info.Model}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	ctx = ai.WithVault(ai.WithCaller(ctx, t.caller()), t.session.vault)
	req := t.prompt()
	record.PromptDigest = req.Digest()
	loop, err := t.loop(record)
	if err != nil {
		t.logger.Error("the tools do not fit", "error", err)
		return record, "the model could not be reached"
	}
	var lines lineReader
	for ev, err := range loop.Stream(ctx, req) {
		if err != nil {
			return record, t.ended(ctx, err)
		}
		switch ev := ev.(type) {
		case ai.TextDelta:
			for _, l := range lines.add(ev.Text) {
				t.take(ctx, l)
			}
		case ai.ToolStarted: // what came before it is a reply of its own
			t.take(ctx, lines.take())
		case ai.LoopDone:
			t.take(ctx, lines.take())
			u := ev.Result.Usage
			record.InputTokens, record.OutputTokens, record.OutputDigest = u.InputTokens, u.OutputTokens, ev.Result.Response.Digest()
		}
	}
	if len(t.blocks) == 0 {
		return record, "the model's answer held nothing that could be shown"
	}
	return record, ""
}

// ended says why the model did not come to its end. Calls that wait for a person are
// no failure: they are shown as waiting.
func (t *turn) ended(ctx context.Context, err error) string {
	if errors.Is(err, ai.ErrToolPending) {
		t.waiting(ctx)
		return ""
	}
	if errors.Is(err, ai.ErrBudget) {
		return "the model's budget is spent"
	}
	return demo.FallbackReason(err)
}

// take lets a line of the model through, or not.
func (t *turn) take(ctx context.Context, text []byte) {
	if len(text) == 0 {
		return
	}
	if err := t.show(ctx, text); err != nil {
		t.rejected++
		t.logger.Debug("a line of the model was not let through", "reason", err)
	}
}

var errUnknownSource = errors.New("a source that was not given")

func (t *turn) show(ctx context.Context, text []byte) error {
	l, err := parseLine(text)
	if err != nil {
		return err
	}
	if l.Policy != "" {
		id, ok := t.sources.policyOf(l.Policy)
		if !ok {
			return errUnknownSource
		}
		return t.showPolicy(ctx, id, "model")
	}
	id, variants, ok := t.sources.productOf(l.Product)
	instead, _, okInstead := t.sources.productOf(l.InsteadOf)
	if !ok || l.InsteadOf != "" && !okInstead {
		return errUnknownSource
	}
	why := l.Why
	if why != "" {
		docs, err := t.shop.index.Documents(ctx, id)
		if err != nil {
			return err
		}
		if err := vocabularyOf(docs...).check(why); err != nil {
			// The product is the shop's own; the sentence is not let through.
			t.rejected++
			t.logger.Debug("a sentence of the model was not let through", "reason", err)
			why = ""
		}
	}
	_, err = t.showProduct(ctx, id, variants, instead, why, "model")
	return err
}

func (t *turn) caller() ai.Caller {
	c := ai.Caller{Shop: string(t.shop.client.Shop()), Staff: t.staff, Role: string(t.mode), Feature: "copilot." + string(t.mode)}
	if t.mode == kiosk {
		c.Staff = "kiosk " + t.here.ID
	}
	return c
}

// self is this program where it acts on its own.
var self = approval.Principal{ID: "posai.copilot", Name: "Copilot", Type: approval.System}

// record appends what was done to the audit log: what was shown, and by whom it was
// chosen; not what was asked.
func (t *turn) record(ctx context.Context, o outcome, model *audit.Model) error {
	if model == nil {
		model = &audit.Model{Provider: "posai", Name: baselineName, Baseline: true}
	}
	entry := audit.Entry{
		Kind: "answered", Correlation: t.session.id, Shop: string(t.shop.client.Shop()), Location: t.here.ID,
		Actor: audit.Actor{Type: audit.AI, ID: self.ID, Channel: t.channel}, Action: "copilot.answer", Model: model, Note: o.Why,
		Attributes: map[string]string{
			"mode": string(t.mode), "question": questionDigest(t.question), "blocks": strconv.Itoa(len(t.blocks)), "rejected": strconv.Itoa(t.rejected),
		},
	}
	if model.Baseline {
		entry.Actor.Type = audit.System
	}
	if t.staff != "" {
		entry.Attributes["staff"] = t.staff
	}
	for _, b := range t.blocks {
		if b.Card != nil && len(entry.Subjects) < 8 {
			entry.Subjects = append(entry.Subjects, audit.Subject{Type: "product", ID: b.Card.ID})
		}
	}
	if _, err := t.log.Append(ctx, entry); err != nil {
		return fmt.Errorf("the answer could not be recorded: %w", err)
	}
	return nil
}

func questionDigest(q string) string {
	sum := sha256.Sum256([]byte(q))
	return hex.EncodeToString(sum[:8])
}

// wantsPerson says whether somebody asks for a person, which is never left to a model.
func wantsPerson(question string) bool {
	w := words(question)
	for _, who := range []string{"manager", "human", "person", "associate", "someone", "somebody", "employee", "staff", "mitarbeiter", "chef"} {
		if !slices.Contains(w, who) {
			continue
		}
		for _, verb := range []string{"speak", "talk", "call", "get", "fetch", "want", "need", "see", "ask", "bring", "sprechen", "holen", "rufen"} {
			if slices.Contains(w, verb) {
				return true
			}
		}
		if len(w) <= 2 {
			return true
		}
	}
	return false
}
