package risk

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/examples/internal/isoforest"
	"github.com/posai-go/posai/examples/internal/velocity"
)

// Bounds of what an Engine remembers.
const (
	maxKeys    = 20_000  // people and registers per counter
	maxSeen    = 200_000 // transactions that are recognized again
	maxLearned = 4096    // points per forest
	slots      = 12      // accuracy of a counter: a twelfth of its time
)

// Assessment is what the engine thinks of a transaction.
type Assessment struct {
	// Score is from 0 to 1; it ranks transactions and is no probability.
	Score float64 `json:"score"`
	// Anomaly is the forest's score, 0 where there is no forest.
	Anomaly float64 `json:"anomaly,omitzero"`
	// Reasons are what made the score, the strongest first.
	Reasons []Reason `json:"reasons"`
	// Policy and Forest name what judged, see [Policy.Name] and
	// [Engine.Forest]; Forest is empty where there was none.
	Policy string `json:"policy"`
	Forest string `json:"forest,omitzero"`
}

// Codes returns the codes of the reasons, the strongest first.
func (a Assessment) Codes() []string {
	out := make([]string, len(a.Reasons))
	for i, r := range a.Reasons {
		out[i] = string(r.Code)
	}
	return out
}

// Engine assesses transactions against what it has observed. Its memory is
// bounded. It is safe for concurrent use.
type Engine struct {
	policy *Policy

	mu       sync.Mutex
	ledger   *ledger
	counters map[Code]*velocity.Table // of the policy's velocity rules
	seen     *lru[struct{}]           // keys of what was counted
	entered  *lru[struct{}]           // keys of what is in the ledger

	// What the forest sees, whatever the policy counts.
	quarterSales, monthReturns, dayReturns, hour *velocity.Table

	tails     map[Code]*tail // how far transactions are beyond the limits of the rules
	anomalies map[Kind]*tail // what the forest says of them

	learned map[Kind]*points
	forests map[Kind]*isoforest.Forest
	forest  string
}

// points is a ring of the latest feature vectors of a kind.
type points struct {
	list [][]float64
	next int
}

func (p *points) add(x []float64) {
	if len(p.list) < maxLearned {
		p.list = append(p.list, x)
		return
	}
	p.list[p.next] = x
	p.next = (p.next + 1) % maxLearned
}

// NewEngine returns an engine that has observed nothing.
func NewEngine(p *Policy) *Engine {
	table := func(span time.Duration) *velocity.Table {
		return velocity.New(maxKeys, velocity.Window{Span: span, Slots: slots})
	}
	e := &Engine{
		policy: p, ledger: newLedger(), counters: map[Code]*velocity.Table{}, seen: newLRU[struct{}](maxSeen), entered: newLRU[struct{}](maxSeen),
		quarterSales: table(quarter), monthReturns: table(month), dayReturns: table(24 * time.Hour), hour: table(time.Hour),
		tails: map[Code]*tail{}, anomalies: map[Kind]*tail{Sale: {}, Return: {}},
		learned: map[Kind]*points{Sale: {}, Return: {}}, forests: map[Kind]*isoforest.Forest{},
	}
	for _, r := range p.Rules {
		e.tails[r.Code] = &tail{}
		if ruleBook[r.Code].stream != nil {
			e.counters[r.Code] = table(time.Duration(r.Within))
		}
	}
	return e
}

// Policy returns the engine's policy.
func (e *Engine) Policy() *Policy { return e.policy }

// Assess scores a transaction that has not been observed yet. It changes nothing.
func (e *Engine) Assess(t *Transaction) Assessment {
	e.mu.Lock()
	defer e.mu.Unlock()
	t = e.complete(t)
	m := e.measure(t)
	a := Assessment{Policy: e.policy.Name(), Reasons: []Reason{}, Forest: e.forest}
	e.judge(m, func(r Rule, excess float64, text string) {
		if excess >= 1 {
			a.Reasons = append(a.Reasons, Reason{Code: r.Code, Text: text, Strength: r.Weight * e.tails[r.Code].rarity(excess, excess)})
		}
	})
	e.judgeAnomaly(m, &a)
	slices.SortStableFunc(a.Reasons, func(x, y Reason) int { return cmp.Compare(y.Strength, x.Strength) })
	// Independent reasons add up like independent chances. The forest's score has
	// a hair's weight of its own, so that what no rule names is still ranked.
	rest := 1 - 0.02*a.Anomaly
	for _, r := range a.Reasons {
		rest *= 1 - r.Strength
	}
	a.Score = math.Round((1-rest)*1e6) / 1e6
	return a
}

// judge yields what each rule says of a transaction, 0 where it is about the other
// kind.
func (e *Engine) judge(m *measures, yield func(r Rule, excess float64, text string)) {
	for _, r := range e.policy.Rules {
		spec := ruleBook[r.Code]
		if spec.judge == nil {
			continue
		}
		if spec.kind != "" && spec.kind != m.t.Kind {
			yield(r, 0, "")
			continue
		}
		var past velocity.Sum
		if s := spec.stream; s != nil {
			key := s.key(m.t)
			if key == "" {
				yield(r, 0, "") // nobody to count for
				continue
			}
			past = e.counters[r.Code].Get(key, m.t.At, 0)
			past.Count++
			past.Amount += s.amount(m.t)
		}
		excess, text := spec.judge(m, r, past)
		yield(r, excess, text)
	}
}

func (e *Engine) judgeAnomaly(m *measures, a *Assessment) {
	forest := e.forests[m.t.Kind]
	if forest == nil {
		return
	}
	x := m.features()
	a.Anomaly = forest.Score(x)
	r, ok := e.policy.Rule(Anomaly)
	if !ok || a.Anomaly < r.Share {
		return
	}
	var text strings.Builder
	text.WriteString("Unlike other " + string(m.t.Kind) + "s")
	for i, c := range forest.Explain(x) {
		if i == 2 {
			break
		}
		text.WriteString([]string{": ", ", "}[i] + featureNames[c.Feature])
	}
	a.Reasons = append(a.Reasons, Reason{Code: Anomaly, Text: text.String(), Strength: r.Weight * e.anomalies[m.t.Kind].rarity(a.Anomaly, (a.Anomaly-0.5)/(r.Share-0.5))})
}

// Observe counts a transaction, enters it into the ledger and learns from it,
// once per key. Transactions may come a little out of order.
func (e *Engine) Observe(t *Transaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t = e.complete(t)
	e.count(t)
	e.enter(t)
}

// Count is Observe for what is asked before it is done: it counts, but nothing was
// bought or given back yet.
func (e *Engine) Count(t *Transaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count(e.complete(t))
}

// Enter is the other part of Observe, for what was counted when it was asked.
func (e *Engine) Enter(t *Transaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enter(e.complete(t))
}

// Recount is Count for what was counted before a restart and is known by its
// amounts alone: nothing is learned of it.
func (e *Engine) Recount(t *Transaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.seen.get(t.Key); known {
		return
	}
	e.seen.put(t.Key, struct{}{})
	e.tally(t)
}

// Skip says that the transaction with this key was counted under another one.
func (e *Engine) Skip(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen.put(key, struct{}{})
}

// complete adds what the receipt knows.
func (e *Engine) complete(t *Transaction) *Transaction {
	if t.Customer != "" || t.Receipt == "" {
		return t
	}
	r, ok := e.ledger.receipts.get(t.Receipt)
	if !ok {
		return t
	}
	c := *t
	c.Customer = r.customer
	return &c
}

func (e *Engine) count(t *Transaction) {
	if _, known := e.seen.get(t.Key); known {
		return
	}
	e.seen.put(t.Key, struct{}{})
	m := e.measure(t)
	x := m.features()
	e.learned[t.Kind].add(x)
	if forest := e.forests[t.Kind]; forest != nil {
		e.anomalies[t.Kind].add(forest.Score(x))
	}
	e.judge(m, func(r Rule, excess float64, _ string) {
		if excess < 1 {
			excess = 0
		}
		e.tails[r.Code].add(excess)
	})
	e.tally(t)
}

func (e *Engine) tally(t *Transaction) {
	add := func(table *velocity.Table, s *stream) { table.Add(s.key(t), t.At, s.amount(t)) }
	for code, table := range e.counters {
		add(table, ruleBook[code].stream)
	}
	add(e.quarterSales, salesOfCustomer)
	add(e.monthReturns, returnsOfCustomer)
	add(e.dayReturns, returnsOfAssociate)
	e.hour.Add(t.Register, t.At, 0) // where only the location is known, as of the past, nothing
}

func (e *Engine) enter(t *Transaction) {
	if _, known := e.entered.get(t.Key); known {
		return
	}
	e.entered.put(t.Key, struct{}{})
	e.ledger.enter(t)
}

// Train makes new forests of the latest transactions, one for sales and one for
// returns, where there are enough of the kind. It reports whether there is a
// forest now. The same transactions give the same forests.
func (e *Engine) Train() (bool, error) {
	e.mu.Lock()
	data := map[Kind][][]float64{}
	for kind, need := range map[Kind]int{Sale: e.policy.Forest.MinSales, Return: e.policy.Forest.MinReturns} {
		if list := e.learned[kind].list; len(list) >= need {
			data[kind] = slices.Clone(list)
		}
	}
	e.mu.Unlock()

	// Outside of the lock: the register does not wait for this.
	forests, hash := map[Kind]*isoforest.Forest{}, sha256.New()
	for _, kind := range []Kind{Sale, Return} {
		if data[kind] == nil {
			continue
		}
		f, err := isoforest.Fit(data[kind], &isoforest.Options{Trees: e.policy.Forest.Trees, Sample: e.policy.Forest.Sample})
		if err != nil {
			return false, fmt.Errorf("%ss: %w", kind, err)
		}
		forests[kind] = f
		_, _ = fmt.Fprintf(hash, "%s %d %d %d\n", kind, len(data[kind]), e.policy.Forest.Trees, e.policy.Forest.Sample)
		for _, x := range data[kind] {
			_ = binary.Write(hash, binary.BigEndian, x) // a hash takes everything
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(forests) == 0 {
		return false, nil
	}
	e.forests = forests
	e.forest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return true, nil
}

// Forest names the present forests by a digest of what they learned from, or is
// "" where there are none.
func (e *Engine) Forest() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.forest
}

// Learned is how many sales and returns the engine could learn from now.
func (e *Engine) Learned() (sales, returns int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.learned[Sale].list), len(e.learned[Return].list)
}
