package crmtest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/examples/clienteling/internal/crm"
)

func load(t *testing.T, open func(t *testing.T) CRM) {
	a, b := open(t), open(t)
	save(t, a.Sink, Records(0, 40, 2))
	loadAll(t, b.Sink, Records(0, 40, 2))
	equal(t, printed(a.State(t)), printed(b.State(t)))

	// Over what is there, fewer purchases among it, and with new ones.
	records := append(Records(0, 20, 3), Records(40, 250, 1)...)
	save(t, a.Sink, records)
	out := loadAll(t, b.Sink, records)
	require.Len(t, out, len(records))
	for key, o := range out {
		assert.NotEmpty(t, o.ID, "%s", key)
	}
	equal(t, printed(a.State(t)), printed(b.State(t)))
	require.Empty(t, loadAll(t, b.Sink, nil))
	for _, err := range b.Sink.Load(t.Context(), each(records)) {
		passing(t, err)
		break // frees everything
	}
	bad := Record(900, 1)
	bad.Key = ""
	require.Equal(t, crm.Invalid, loadAll(t, b.Sink, []crm.Record{bad})[bad.Key].State)
}

func loadError(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	loadAll(t, c.Sink, nil) // what a sink has to know is known
	broken := errors.New("the source broke")
	var got []error
	for _, err := range c.Sink.Load(t.Context(), func(yield func(crm.Record, error) bool) {
		if yield(Record(1, 1), nil) && yield(crm.Record{}, broken) {
			yield(Record(2, 1), nil)
		}
	}) {
		if err != nil {
			got = append(got, err)
		}
	}
	require.Len(t, got, 1)
	require.ErrorIs(t, got[0], broken)
}

func forget(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	records := Records(0, 205, 2)
	save(t, c.Sink, records)
	keys := []string{"alder-and-wren.myshopify.com/never-seen"}
	for _, r := range records[:203] {
		keys = append(keys, r.Key)
	}
	for range 2 {
		var out []crm.Outcome
		require.NoError(t, retry(t, func(ctx context.Context) (err error) {
			out, err = c.Sink.Forget(ctx, keys)
			for _, o := range out {
				if err == nil && o.State == crm.Retry {
					err = crm.ErrUnavailable
				}
			}
			return err
		}))
		require.Len(t, out, len(keys))
		for i, o := range out {
			require.Equal(t, keys[i], o.Key)
			require.Equal(t, crm.Deleted, o.State, "%v", o.Err)
		}
		requireState(t, c, records[203:])
	}
	save(t, c.Sink, records[:2])
	requireState(t, c, append(records[:2:2], records[203:]...))
	out, err := c.Sink.Forget(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, out)
}

func ambiguous(t *testing.T, open func(t *testing.T) CRM) {
	c := open(t)
	link := func(key, id string) error {
		return retry(t, func(ctx context.Context) error { return c.Sink.Link(ctx, key, id) })
	}
	if c.Add == nil {
		require.ErrorIs(t, link(Record(1, 1).Key, "nobody"), crm.ErrNoRecord)
		save(t, c.Sink, Records(1, 3, 1))
		require.NoError(t, link(Record(1, 1).Key, Record(1, 1).Key), "tied already")
		require.ErrorIs(t, link(Record(1, 1).Key, Record(2, 1).Key), crm.ErrLinked)
		return
	}
	same := Record(1, 1)
	byEmail := c.Add(t, "Rob", "Sample", same.Email, "")
	byPhone := c.Add(t, "R.", "Sample", "other@example.com", same.Phone)
	c.Add(t, "Somebody", "Else", "else@example.com", "")
	for _, again := range []bool{false, true} {
		out := save(t, c.Sink, []crm.Record{Record(0, 1), same, Record(2, 1)})
		assert.NotEqual(t, crm.Ambiguous, out[0].State)
		assert.NotEqual(t, crm.Ambiguous, out[2].State)
		require.Equal(t, crm.Ambiguous, out[1].State, "again: %t", again)
		var ids []string
		for _, candidate := range out[1].Candidates {
			ids = append(ids, candidate.ID)
			assert.Empty(t, candidate.Key)
			assert.NotEmpty(t, candidate.Name)
		}
		require.ElementsMatch(t, []string{byEmail, byPhone}, ids)
		requireState(t, c, []crm.Record{Record(0, 1), Record(2, 1)})
	}
	require.Equal(t, crm.Ambiguous, loadAll(t, c.Sink, []crm.Record{same})[same.Key].State, "Load asks too")

	// A person says: this one.
	require.NoError(t, link(same.Key, byEmail))
	require.NoError(t, link(same.Key, byEmail), "tied already")
	key, first := c.Own(t, byEmail)
	assert.Equal(t, same.Key, key)
	assert.Equal(t, "Rob", first, "Link changes nothing else")
	out := save(t, c.Sink, []crm.Record{same})
	require.Equal(t, crm.Updated, out[0].State)
	require.Equal(t, byEmail, out[0].ID)
	requireState(t, c, []crm.Record{Record(0, 1), same, Record(2, 1)})

	// What is tied stays tied.
	require.ErrorIs(t, link(Record(77, 1).Key, byEmail), crm.ErrLinked, "the record is another's")
	require.ErrorIs(t, link(same.Key, byPhone), crm.ErrLinked, "the key is another's")
	key, _ = c.Own(t, byPhone)
	assert.Empty(t, key)
	require.ErrorIs(t, link(Record(77, 1).Key, "003000000000000AAA"), crm.ErrNoRecord)

	// A person says: none of them.
	other := Record(3, 1)
	twin := c.Add(t, "Twin", "Sample", other.Email, "")
	require.Equal(t, crm.Ambiguous, save(t, c.Sink, []crm.Record{other})[0].State)
	other.Distinct = true
	out = save(t, c.Sink, []crm.Record{other})
	require.Contains(t, []crm.State{crm.Created, crm.Updated}, out[0].State, "%v", out[0].Err)
	require.NotEqual(t, twin, out[0].ID)
	key, _ = c.Own(t, twin)
	assert.Empty(t, key)
	other.Distinct = false
	require.NotEqual(t, crm.Ambiguous, save(t, c.Sink, []crm.Record{other})[0].State, "who is tied is not asked about again")
}
