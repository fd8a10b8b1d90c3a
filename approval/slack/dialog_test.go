package slack_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/posai-go/posai/approval"
	"github.com/posai-go/posai/approval/internal/testqueue"
	"github.com/posai-go/posai/approval/slack"
	"github.com/posai-go/posai/approval/slack/slacktest"
	"github.com/posai-go/posai/audit"
)

func TestRejectInSlackAsksWhy(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	m := o.card(0)
	o.click(maria, m, reject)
	v := o.dialog(0)
	assert.Equal(t, []string{"reason"}, v.Inputs())
	o.untouched(r.ID)

	v = o.submit(maria, v, map[string]string{"reason": "  "})
	assert.Contains(t, v.Errors["reason"], "say why")
	o.untouched(r.ID)

	v = o.submit(maria, v, map[string]string{"reason": "Not this customer <!channel>"})
	assert.True(t, v.Closed)
	now := o.ended(r.ID)
	assert.Equal(t, approval.Rejected, now.State)
	assert.Equal(t, "Not this customer <!channel>", now.Decisions[0].Reason)
	o.says(0, "Maria Lopez rejected it in Slack: Not this customer")
	assert.Equal(t, int64(0), o.Effects.Load())
}

func TestReasonsToReject(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 30)
	o := newOffice(t, func(s *setup) {
		s.opts = func(o *slack.Options) { o.Reasons = []string{"Wrong customer", long} }
	})
	for i, c := range []struct {
		values map[string]string
		reason string
	}{
		{map[string]string{"because": "Wrong customer"}, "Wrong customer"},
		{map[string]string{"because": "1", "reason": "And more"}, long + ": And more"},
		{map[string]string{"reason": "Just so"}, "Just so"},
	} {
		r := o.Propose(t, "612.50", testqueue.Thanks(strconv.Itoa(i)))
		o.click(maria, o.card(i), reject)
		v := o.dialog(i)
		assert.Equal(t, []string{"because", "reason"}, v.Inputs())
		if i == 0 {
			assert.Contains(t, o.submit(maria, v, nil).Errors["reason"], "say why")
			assert.Contains(t, v.Shown(), "long long…", "a long reason is cut visibly")
		}
		o.submit(maria, v, c.values)
		assert.Equal(t, c.reason, o.ended(r.ID).Decisions[0].Reason, "and recorded whole")
	}
}

func TestALateDialogIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
	o.click(maria, o.card(0), reject)
	o.click(boris, o.card(0), reject)
	o.eventually("both dialogs", func() bool { return len(o.slack.Views()) == 2 })
	byUser := map[string]slacktest.View{}
	for _, v := range o.slack.Views() {
		byUser[v.User] = v
	}
	o.submit(maria, byUser[maria.ID], map[string]string{"reason": "No"})
	o.ended(r.ID)
	v := o.submit(boris, byUser[boris.ID], map[string]string{"reason": "Me neither"})
	assert.False(t, v.Closed)
	assert.Contains(t, v.Shown(), "Maria Lopez had already rejected this")
	assert.Len(t, o.get(r.ID).Decisions, 1)
}

func TestADialogThatSlackDoesNotOpen(t *testing.T) {
	t.Parallel()
	for _, fault := range []slacktest.Fault{{Error: "expired_trigger_id"}, {Error: "internal_error"}, {Status: 500}} {
		o := newOffice(t)
		r := o.Propose(t, "612.50", testqueue.Thanks("1043"))
		o.slack.Fail("views.open", fault)
		o.click(maria, o.card(0), reject)
		o.whispered(maria, "could not be opened", "press again")
		o.untouched(r.ID)
	}
}

// reprice is an action with one field of each type.
type reprice struct {
	Title  string         `json:"title" edit:"Title,required,max=40"`
	Price  approval.Money `json:"price" edit:"New price"`
	Stock  int            `json:"stock" edit:"Stock"`
	Public bool           `json:"public" edit:"On sale"`
	Reason string         `json:"reason" edit:"Reason,one_of=season|clearance"`
	Note   string         `json:"note" edit:"Note,multiline"`
	Tags   []string       `json:"tags" edit:"Tags"`
	Novel  string         `json:"novel,omitzero" edit:"Novel,multiline"`
	Fixed  string         `json:"fixed"`
}

func (reprice) Kind() string { return "test.reprice" }

func (p reprice) Validate() error {
	if p.Title == "Forbidden" {
		return &approval.InvalidError{Field: "title", Reason: "This title is taken."}
	}
	if p.Stock < 0 {
		return errors.New("there cannot be less than nothing in stock")
	}
	return nil
}

func (p reprice) AmountAtStake() approval.Money  { return p.Price }
func (p reprice) EditForm() []approval.FormField { return approval.FormOf(p) }
func (p reprice) ApplyEdit(v map[string]string) (approval.Action, error) {
	return approval.ApplyForm(p, v)
}

func (p reprice) Preview() approval.Preview {
	return approval.Preview{Title: "New price for " + p.Title, Fields: []approval.PreviewField{
		{Label: "Price", Value: p.Price.Amount + " " + p.Price.Currency},
		{Label: "Stock", Value: strconv.Itoa(p.Stock)},
		{Label: "On sale", Value: strconv.FormatBool(p.Public)},
		{Label: "Reason", Value: p.Reason},
		{Label: "Note", Value: p.Note},
		{Label: "Tags", Value: strings.Join(p.Tags, ", ")},
	}}
}

var jacket = reprice{
	Title: "Jacket", Price: approval.Money{Amount: "79.90", Currency: "EUR"}, Stock: 3, Public: true, Reason: "season", Note: "As discussed", Tags: []string{"winter"}, Fixed: "f",
}

// newShop is an office in which prices are changed: above 100.00 EUR two have to
// agree, above 1,000.00 EUR nobody can.
func newShop(t *testing.T, change ...func(*setup)) (*office, func(p reprice) *approval.Request) {
	done := make(chan reprice, 10)
	o := newOffice(t, append([]func(*setup){func(s *setup) {
		s.policy = approval.Rules("prices",
			approval.Rule{When: approval.AmountAbove("1000.00", "EUR"), Then: approval.Deny("no price is above 1,000.00 EUR")},
			approval.Rule{When: approval.AmountAbove("100.00", "EUR"), Then: approval.Ask(approval.Quorum(2, approval.Role("manager")), time.Hour, "Dear")},
			approval.Rule{Then: approval.Ask(approval.Role("manager"), time.Hour, "All prices")})
	}}, change...)...)
	require.NoError(t, approval.Register(o.Queue.Queue, approval.Executor[reprice, string]{
		Execute: func(_ context.Context, _ approval.Execution, p reprice) (string, error) {
			done <- p
			return "", nil
		},
	}))
	n := 0
	return o, func(p reprice) *approval.Request {
		n++
		r, err := o.Queue.Queue.Propose(t.Context(), p, approval.Proposal{
			Key: strconv.Itoa(n), Location: testqueue.MainStreet, Proposer: testqueue.Assistant, Subjects: []audit.Subject{{Type: "product", ID: "gid://shopify/Product/1"}},
		})
		require.NoError(t, err)
		return r
	}
}

func TestEditInSlack(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t)
	r := propose(jacket)
	o.click(maria, o.card(0), edit)
	form := o.dialog(0)
	assert.Equal(t, []string{"field_0", "field_1", "field_2", "field_3", "field_4", "field_5", "field_6", "field_7"}, form.Inputs())
	for i, initial := range []string{"Jacket", "79.90", "3", "true", "0", "As discussed", "winter", ""} {
		assert.Equal(t, initial, form.Initial(fmt.Sprintf("field_%d", i)), i)
	}
	assert.NotContains(t, string(form.JSON), r.ID, "what the dialog carries is sealed")

	t.Run("errors stand at their fields", func(t *testing.T) {
		v := o.submit(maria, form, map[string]string{"field_1": "12,50", "field_2": "many"})
		assert.Equal(t, map[string]string{"field_1": "New price is not a number such as 12.50.", "field_2": "Stock is not a whole number."}, v.Errors)
		v = o.submit(maria, form, map[string]string{"field_0": "Forbidden"})
		assert.Equal(t, map[string]string{"field_0": "This title is taken."}, v.Errors)
		v = o.submit(maria, form, map[string]string{"field_2": "-1", "field_5": "x"})
		assert.Equal(t, map[string]string{"field_2": "there cannot be less than nothing in stock"}, v.Errors, "at the first that was changed")
		v = o.submit(maria, form, nil)
		assert.Contains(t, v.Errors["field_0"], "Nothing is changed yet")
		o.untouched(r.ID)
	})

	v := o.submit(maria, form, map[string]string{"field_0": "Winter jacket", "field_1": "69.00", "field_2": "4", "field_3": "", "field_4": "clearance", "field_5": "a\r\nb", "field_6": "x\ny"})
	assert.False(t, v.Closed)
	assert.Empty(t, v.Inputs())
	for _, text := range []string{"Not approved yet", "New price for Winter jacket", "69.00 EUR", "clearance", "x, y", "price/amount: “79.90” → “69.00”", "public: true → false"} {
		assert.Contains(t, v.Shown(), text)
	}
	o.untouched(r.ID)

	v = o.submit(maria, v, nil)
	assert.True(t, v.Closed, v.Shown())
	now := o.ended(r.ID)
	assert.Equal(t, approval.Executed, now.State)
	assert.Contains(t, form.Shown()+"\n", "Jacket")
	wanted := jacket
	wanted.Title, wanted.Price.Amount, wanted.Stock, wanted.Public, wanted.Reason, wanted.Note, wanted.Tags = "Winter jacket", "69.00", 4, false, "clearance", "a\nb", []string{"x", "y"}
	action, _ := approval.ActionOf[reprice](now)
	assert.Equal(t, wanted, action)
	require.Len(t, now.Edits, 1)
	assert.Equal(t, now.Digest, now.Decisions[0].EditDigest, "the decision carries the digest that was shown")
	o.says(0, "Maria Lopez approved it in Slack, with changes", "New price for Winter jacket")

	t.Run("and sending it off twice is no harm", func(t *testing.T) {
		docs, err := o.store.Documents(t.Context(), "slack/draft/", "", 10)
		require.NoError(t, err)
		assert.Empty(t, docs, "changes are not kept longer than needed")
	})
}

func TestAnEditIsJudgedAgain(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t)
	r := propose(jacket)
	o.click(maria, o.card(0), edit)
	form := o.dialog(0)

	v := o.submit(maria, form, map[string]string{"field_1": "5000.00"})
	assert.Contains(t, v.Shown(), "no price is above 1,000.00 EUR")
	assert.Contains(t, v.Shown(), "Nothing was decided")
	o.untouched(r.ID)

	o.click(maria, o.card(0), edit)
	v = o.submit(maria, o.dialog(1), map[string]string{"field_1": "150.00"})
	assert.Contains(t, v.Shown(), "Needed: 2 of role manager")
	o.submit(maria, v, nil)
	m := o.says(0, "150.00 EUR", "Approved so far by Maria Lopez (1)")
	assert.Equal(t, approval.Pending, o.get(r.ID).State)
	o.click(boris, m, approve)
	assert.Equal(t, approval.Executed, o.ended(r.ID).State)
}

func TestWhatWasShownIsWhatIsApproved(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(o *office, r *approval.Request){
		"decided elsewhere": func(o *office, r *approval.Request) {
			o.inConsole(r, approval.Reject, testqueue.Boris, "No")
		},
		"edited elsewhere": func(o *office, r *approval.Request) {
			_, err := o.Decide(o.t.Context(), approval.Decision{RequestID: r.ID, Digest: r.Digest, Verdict: approval.Approve, By: testqueue.Boris, Edit: map[string]string{"price.amount": "300.00"}})
			require.NoError(o.t, err)
		},
		"stopped": func(o *office, _ *approval.Request) {
			_, err := o.Halt(o.t.Context(), approval.Switch{Mode: approval.Kill, By: testqueue.Boris, Reason: "Enough"})
			require.NoError(o.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, propose := newShop(t)
			r := propose(jacket)
			o.click(maria, o.card(0), edit)
			v := o.submit(maria, o.dialog(0), map[string]string{"field_0": "Other jacket"})
			require.Contains(t, v.Shown(), "Other jacket")
			between(o, r)
			v = o.submit(maria, v, nil)
			assert.False(t, v.Closed)
			assert.Contains(t, v.Shown(), "Not approved")
			for _, d := range o.get(r.ID).Decisions {
				assert.NotEqual(t, testqueue.Maria.ID, d.By.ID)
			}
		})
	}
}

func TestWhatSlackCannotShowIsEditedInTheConsole(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t)
	long := jacket
	long.Novel = strings.Repeat("x", 3001)
	propose(long)
	o.click(maria, o.card(0), edit)
	form := o.dialog(0)
	assert.NotContains(t, form.Inputs(), "field_7")
	assert.Contains(t, form.Shown(), "Too long for Slack: Novel. Please use the console: https://pos.example.com/approvals/requests/")

	// A note that is as long as a field may be still goes through, whole.
	v := o.submit(maria, form, map[string]string{"field_5": strings.Repeat("ö", 3000)})
	assert.Equal(t, 3000, strings.Count(v.Shown(), "ö")-strings.Count(strings.Split(v.Shown(), "Changed:")[1], "ö"))
	assert.Contains(t, v.Shown(), "…", "the list of changes is cut visibly")
	o.submit(maria, v, nil)
	o.says(0, "Approved and done")
}

func TestSealedDialogs(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t)
	r := propose(jacket)
	o.click(maria, o.card(0), edit)
	other := propose(jacket)
	o.click(maria, o.card(1), reject)
	o.eventually("both dialogs", func() bool { return len(o.slack.Views()) == 2 })
	var form, why slacktest.View
	for _, v := range o.slack.Views() {
		if v.CallbackID == "posai_edit_view" {
			form = v
		} else {
			why = v
		}
	}
	confirm := o.submit(maria, form, map[string]string{"field_0": "Other"})
	good, err := o.slack.SubmitPayload(maria, confirm.ID, nil)
	require.NoError(t, err)

	for name, forge := range map[string]func(s string) string{
		"by somebody else":       func(s string) string { return strings.ReplaceAll(s, `"id":"`+maria.ID+`"`, `"id":"`+boris.ID+`"`) },
		"in another dialog":      func(s string) string { return strings.ReplaceAll(s, confirm.ID, "V0OTHER") },
		"with another name":      func(s string) string { return strings.ReplaceAll(s, confirm.ExternalID, why.ExternalID) },
		"of another step":        func(s string) string { return strings.ReplaceAll(s, "posai_confirm_view", "posai_reject_view") },
		"what another carries":   func(s string) string { return strings.ReplaceAll(s, confirm.PrivateMetadata, why.PrivateMetadata) },
		"what it carried before": func(s string) string { return strings.ReplaceAll(s, confirm.PrivateMetadata, form.PrivateMetadata) },
		"altered":                func(s string) string { return strings.Replace(s, `"private_metadata":"`, `"private_metadata":"A`, 1) },
		"nothing":                func(s string) string { return strings.ReplaceAll(s, confirm.PrivateMetadata, "") },
		"unsealed": func(s string) string {
			return strings.ReplaceAll(s, confirm.PrivateMetadata, `{\"r\":\"`+r.ID+`\",\"d\":\"`+r.Digest+`\"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			forged := forge(string(good))
			require.NotEqual(t, string(good), forged)
			forged = strings.Replace(forged, `"trigger_id":"`, `"trigger_id":"`+name, 1)
			d, err := o.slack.Deliver(t.Context(), []byte(forged))
			require.NoError(t, err)
			require.True(t, d.Acknowledged())
			assert.Contains(t, d.Body(), "cannot be read")
			o.untouched(r.ID)
			o.untouched(other.ID)
		})
	}
	assert.True(t, o.submit(maria, confirm, nil).Closed, "the real one still works")
	o.ended(r.ID)
}

func TestChangesSurviveARestart(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t)
	r := propose(jacket)
	o.click(maria, o.card(0), edit)
	v := o.submit(maria, o.dialog(0), map[string]string{"field_0": "Other"})
	o.restart()
	assert.True(t, o.submit(maria, v, nil).Closed)
	assert.Equal(t, "New price for Other", o.ended(r.ID).Preview.Title)
}

func TestWithoutAStoreMemoryRemembers(t *testing.T) {
	t.Parallel()
	o, propose := newShop(t, func(s *setup) { s.opts = func(o *slack.Options) { o.Store = nil } })
	r := propose(jacket)
	o.click(maria, o.card(0), edit)
	v := o.submit(maria, o.dialog(0), map[string]string{"field_1": "150.00"})
	assert.True(t, o.submit(maria, v, nil).Closed)
	o.says(0, "Approved so far by Maria Lopez (1)")

	o.click(boris, o.card(0), edit)
	v = o.submit(boris, o.dialog(1), map[string]string{"field_0": "Other"})
	o.restart()
	m := o.card(1)
	assert.Contains(t, m.Shown(), "Approved so far by Maria Lopez (1)", "what waits is asked again")
	assert.Contains(t, o.submit(boris, v, nil).Shown(), "press the button again", "a change that was forgotten decides nothing")
	o.click(boris, m, approve)
	assert.Equal(t, approval.Executed, o.ended(r.ID).State)
	o.says(1, "Approved and done")
}
