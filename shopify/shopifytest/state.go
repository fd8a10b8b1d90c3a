package shopifytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// state is everything that the shop knows. Its methods expect mu to be held, for
// writing where they change something.
type state struct {
	mu  sync.RWMutex
	now func() time.Time

	shop     shopInfo
	app      appInfo
	byID     map[string]node // every stored thing by GID
	filed    int64           // how many things were filed
	nextID   map[string]int64
	products []*product
	variants []*variant
	bySKU    map[string]*variant

	locations     []*location
	staff         []*staff
	customers     []*customer
	byEmail       map[string]*customer
	orders        []*order // as they were placed
	drafts        []*draft
	discounts     []*discount
	refunds       []*refund
	returnReasons []*returnReason
	subscriptions []*subscription
	bulk          []*bulkOperation
	metafields    map[string][]*metafield // by the owner's GID
	carts         map[string]*cart        // of the Storefront API, by GID

	collections           []*collection
	segments              []*segment
	metafieldDefinitions  []*metafieldDefinition
	metaobjectDefinitions []*metaobjectDefinition
	metaobjects           []*metaobject

	giftCards []*giftCard
	transfers []*transfer

	lastOrder, lastDraft, lastTransfer int // numbers

	random *rand.Rand // for what is made up at run time: confirmation numbers and the like
	events eventSink  // nil while the data is loaded
	work   *bulkWork  // nil while the data is loaded

	improvise bool // see Options.Improvise
}

// eventSink takes what happened; the webhook sender is one.
type eventSink interface {
	// event is called with the state locked. It must not block.
	event(topic string, subject string, payload map[string]any, group string)
	unsubscribed(id string)
}

// node is a stored thing with a GID.
type node interface{ common() *head }

// head is what every stored thing has.
type head struct {
	typename  string
	id        int64
	gid       string
	filed     int64 // the how manieth it was, from 1: the order of filing, also where ids are given
	createdAt time.Time
	updatedAt time.Time
}

func (h *head) common() *head { return h }

type shopInfo struct {
	head
	data     ShopData
	location *time.Location
	digits   int32 // decimal places of the currency
}

// appInfo is the app whose token and secret the shop knows.
type appInfo struct {
	app          head
	installation *installation
}

type installation struct {
	head
	scopes []string
}

// firstID is where the numbers of each kind of thing start: above 2^53, so that a client that reads
// ids into floating point numbers is found out.
const firstID = 9_007_300_000_000_001

func newState(now func() time.Time, seed uint64) *state {
	return &state{
		now:        now,
		byID:       make(map[string]node, 1<<14),
		nextID:     map[string]int64{},
		bySKU:      map[string]*variant{},
		byEmail:    map[string]*customer{},
		metafields: map[string][]*metafield{},
		carts:      map[string]*cart{},
		random:     rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)),
		lastOrder:  1000,
	}
}

// add gives n its id (a new one if id is zero) and files it.
func (s *state) add(n node, typename string, id int64, at time.Time) {
	h := n.common()
	own := gid(typename, id)
	if id == 0 {
		id, own = s.newID(typename)
	}
	s.filed++
	h.typename, h.id, h.createdAt, h.updatedAt, h.filed = typename, id, at, at, s.filed
	if h.gid == "" {
		h.gid = own
	}
	s.byID[h.gid] = n
}

func (s *state) newID(typename string) (id int64, own string) {
	for {
		id = s.nextID[typename]
		if id == 0 {
			id = firstID
		}
		s.nextID[typename] = id + 1
		own = gid(typename, id)
		if _, taken := s.byID[own]; !taken {
			return id, own
		}
	}
}

func (s *state) touch(n node) { n.common().updatedAt = s.now() }

func gid(typename string, id int64) string {
	return "gid://shopify/" + typename + "/" + strconv.FormatInt(id, 10)
}

// forget takes n and its metafields out of what can be found.
func (s *state) forget(n node) {
	id := n.common().gid
	for _, m := range s.metafields[id] {
		delete(s.byID, m.gid)
	}
	delete(s.metafields, id)
	delete(s.byID, id)
}

// remove takes t out of things, in place, and returns what is left.
func remove[T comparable](things []T, t T) []T {
	return slices.DeleteFunc(things, func(o T) bool { return o == t })
}

// find returns the thing with that GID, if it is a T.
func find[T node](s *state, id string) (T, bool) {
	n, ok := s.byID[id].(T)
	return n, ok
}

// lookup is find that also takes a bare number.
func lookup[T node](s *state, typename, id string) (T, bool) {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		id = gid(typename, n)
	}
	return find[T](s, id)
}

func (s *state) emit(topic string, subject node, payload map[string]any, group string) {
	if s.events != nil {
		s.events.event(topic, subject.common().gid, payload, group)
	}
}

// newGroup is the event id that all deliveries of one action share.
func (s *state) newGroup() string { return s.uuid() }

func (s *state) uuid() string {
	a, b := s.random.Uint64(), s.random.Uint64()
	a = a&^0xf000 | 0x4000 // version 4
	b = b&^(3<<62) | 1<<63 // variant
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
}

// normalizeTags trims, drops empty ones and what differs only in case from an earlier one.
func normalizeTags(tags []string) []string {
	out := make([]string, 0, len(tags))
	for _, entry := range tags {
		for tag := range strings.SplitSeq(entry, ",") {
			tag = strings.TrimSpace(tag)
			same := func(t string) bool { return strings.EqualFold(t, tag) }
			if tag != "" && !slices.ContainsFunc(out, same) {
				out = append(out, tag)
			}
		}
	}
	slices.Sort(out)
	return out
}
