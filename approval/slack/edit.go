package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/posai-go/posai/approval"
)

// fits reports whether Slack can show a field. What it cannot is changed in the
// console.
func fits(f approval.FormField) bool {
	switch f.Type {
	case approval.FieldSelect:
		return len(f.Options) <= maxOptions
	case approval.FieldCheckbox:
		return true
	}
	return length(f.Value) <= inputLimit(f)
}

// inputLimit is how much can be typed into a field.
func inputLimit(f approval.FormField) int {
	if f.MaxLength > 0 {
		return min(f.MaxLength, maxInput)
	}
	return maxInput
}

// fieldInput is the name of the input in each block of a form. The block is
// named after the place of the field in the form, which the digest fixes.
const fieldInput = "value"

func fieldBlock(i int) string { return "field_" + strconv.Itoa(i) }

// askHow opens the dialog in which a request is changed.
func (s *Slack) askHow(ctx context.Context, t *team, c *slackapi.InteractionCallback, what target, me approval.Principal) {
	req := s.openable(ctx, t, c, what, approval.Decision{RequestID: what.Request, Digest: what.Digest, Verdict: approval.Approve, By: me, Channel: Channel})
	if req == nil {
		return
	}
	view := &slackapi.ModalViewRequest{Title: plain("Edit, then approve"), Submit: plain("Review the changes"), Close: plain("Cancel")}
	blocks := []slackapi.Block{plainSection(title(req))}
	var left []string
	for i, f := range req.Form {
		if !fits(f) {
			left = append(left, fieldLabel(f))
			continue
		}
		blocks = append(blocks, fieldBlockOf(i, f))
	}
	if len(blocks) == 1 {
		s.whisper(t, c, s.inConsole(req, "Nothing of this can be changed in Slack."))
		return
	}
	if left != nil {
		blocks = append(blocks, plainContext(s.inConsole(req, "Too long for Slack: "+strings.Join(left, ", ")+".")))
	}
	view.Blocks.BlockSet = blocks
	s.open(t, c, what, editView, view)
}

// inConsole adds where a request can be opened instead.
func (s *Slack) inConsole(r *approval.Request, words string) string {
	if address := requestURL(s.opts.ConsoleURL, r.ID); address != "" {
		return words + " Please use the console: " + address
	}
	return words + " Please use the console."
}

func fieldLabel(f approval.FormField) string { return cut(cmp.Or(f.Label, f.Name), maxFormRow) }

// fieldBlockOf makes the input for a field.
func fieldBlockOf(i int, f approval.FormField) slackapi.Block {
	var element slackapi.BlockElement
	var hint *slackapi.TextBlockObject
	switch f.Type {
	case approval.FieldCheckbox:
		option := slackapi.NewOptionBlockObject("true", plain("Yes"), nil)
		box := slackapi.NewCheckboxGroupsBlockElement(fieldInput, option)
		if f.Value == "true" {
			box.InitialOptions = []*slackapi.OptionBlockObject{option}
		}
		element = box
	case approval.FieldSelect:
		options := make([]*slackapi.OptionBlockObject, len(f.Options))
		choice := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, plain("Choose one"), fieldInput)
		for j, o := range f.Options {
			options[j] = slackapi.NewOptionBlockObject(strconv.Itoa(j), plain(cut(cmp.Or(o.Label, o.Value, "–"), maxLabel)), nil)
			if o.Value == f.Value && choice.InitialOption == nil {
				choice.InitialOption = options[j]
			}
		}
		choice.Options = options
		element = choice
	case approval.FieldInteger:
		input := slackapi.NewNumberInputBlockElement(nil, fieldInput, false)
		input.InitialValue = f.Value
		element = input
	default:
		input := slackapi.NewPlainTextInputBlockElement(nil, fieldInput).WithMaxLength(inputLimit(f))
		input.InitialValue = f.Value
		input.Multiline = f.Type == approval.FieldTextArea || f.Type == approval.FieldList
		switch f.Type {
		case approval.FieldList:
			hint = plain("One per line")
		case approval.FieldDecimal:
			hint = plain("A number such as 12.50")
		}
		element = input
	}
	return slackapi.NewInputBlock(fieldBlock(i), plain(fieldLabel(f)), hint, element).WithOptional(!f.Required || f.Type == approval.FieldCheckbox)
}

// typed reads what somebody typed: the values that differ from what the request
// says, by field name.
func typed(form []approval.FormField, state *slackapi.ViewState) map[string]string {
	values := make(map[string]string)
	if state == nil {
		return values
	}
	for i, f := range form {
		input, ok := state.Values[fieldBlock(i)][fieldInput]
		if !ok || !fits(f) {
			continue
		}
		value := strings.ReplaceAll(input.Value, "\r\n", "\n")
		switch f.Type {
		case approval.FieldCheckbox:
			value = ""
			if len(input.SelectedOptions) > 0 {
				value = "true"
			}
		case approval.FieldSelect:
			value = ""
			if j, err := strconv.Atoi(input.SelectedOption.Value); err == nil && j >= 0 && j < len(f.Options) {
				value = f.Options[j].Value
			}
		case approval.FieldInteger, approval.FieldDecimal:
			value = strings.TrimSpace(value)
		}
		if value != f.Value {
			values[f.Name] = value
		}
	}
	return values
}

// edited handles the form once it is sent off: what is wrong is said at its
// field, and what is right is shown once more as it would be.
func (s *Slack) edited(ctx context.Context, t *team, c *slackapi.InteractionCallback) *reply {
	p, err := s.seal.decode(c, time.Now())
	if err != nil {
		return &reply{view: updated(message("Not approved", lostDialog))}
	}
	me, words := s.person(ctx, c)
	if words != "" {
		return &reply{view: updated(message("Not approved", words))}
	}
	req, err := s.queue.Get(ctx, p.Request)
	if err == nil && req.Digest != p.Digest {
		err = approval.ErrStale
	}
	d := approval.Decision{RequestID: p.Request, Digest: p.Digest, Verdict: approval.Approve, By: me, Channel: Channel}
	if err != nil {
		t.poke(p.target)
		return &reply{view: updated(message("Not approved", s.explain(ctx, d, err)))}
	}
	values := typed(req.Form, c.View.State)
	if wrong := check(req.Form, values); len(wrong) > 0 {
		return &reply{view: slackapi.NewErrorsViewSubmissionResponse(wrong)}
	}
	if len(values) == 0 {
		return &reply{view: slackapi.NewErrorsViewSubmissionResponse(map[string]string{firstInput(req.Form): "Nothing is changed yet. To approve it as it is, close this and press Approve."})}
	}
	would, err := s.queue.TryEdit(ctx, p.Request, p.Digest, values, me)
	if errors.Is(err, approval.ErrInvalid) {
		block, words := placeError(req.Form, values, err)
		return &reply{view: slackapi.NewErrorsViewSubmissionResponse(map[string]string{block: words})}
	}
	if err != nil {
		t.poke(p.target)
		return &reply{view: updated(message("Not approved", s.explain(ctx, d, err)))}
	}
	if would.Digest == p.Digest {
		return &reply{view: slackapi.NewErrorsViewSubmissionResponse(map[string]string{firstInput(req.Form): "These changes make no difference."})}
	}
	view, err := s.confirmation(ctx, c, p, req, would, values)
	if err != nil {
		s.opts.Logger.ErrorContext(ctx, "slack: changes not kept", "error", err)
		return &reply{view: updated(message("Not approved", "The changes could not be kept. Nothing was decided; please try again in a minute."))}
	}
	return &reply{view: updated(view)}
}

// check says what is wrong with single values, by block.
func check(form []approval.FormField, values map[string]string) map[string]string {
	wrong := make(map[string]string)
	for i, f := range form {
		value, ok := values[f.Name]
		if !ok {
			continue
		}
		if err := f.Check(value); err != nil {
			wrong[fieldBlock(i)] = cut(fieldLabel(f)+" "+reasonOf(err)+".", maxSection)
		}
	}
	return wrong
}

func firstInput(form []approval.FormField) string {
	for i, f := range form {
		if fits(f) {
			return fieldBlock(i)
		}
	}
	return fieldBlock(0)
}

// placeError says what is wrong with an edit, and at which field: at the one that
// the error names, or at the first one that was changed.
func placeError(form []approval.FormField, values map[string]string, err error) (block, words string) {
	named := func(name string) string {
		for i, f := range form {
			if f.Name == name && fits(f) {
				return fieldBlock(i)
			}
		}
		return ""
	}
	words = cut(cmp.Or(reasonOf(err), "This is not possible."), maxSection)
	// The queue wraps what the action's own methods say.
	for wrapped := err; wrapped != nil; {
		wrong, ok := errors.AsType[*approval.InvalidError](wrapped)
		if !ok {
			break
		}
		if block := named(wrong.Field); block != "" {
			return block, cut(cmp.Or(wrong.Reason, words), maxSection)
		}
		wrapped = wrong.Err
	}
	for _, f := range form {
		if _, changed := values[f.Name]; changed {
			if block := named(f.Name); block != "" {
				return block, words
			}
		}
	}
	return firstInput(form), words
}

// draft holds changes between the form and their confirmation. It stays in the
// store, since private_metadata may be too small for it.
type draft struct {
	Values map[string]string `json:"values"`
}

const draftPrefix = "slack/draft/"

// draftName is that of the changes of a dialog. It begins with the time at which
// it ends, so that old ones are a range.
func draftName(p slip) string { return draftBound(time.Unix(p.Until, 0)) + "/" + p.ID }

func draftBound(at time.Time) string { return fmt.Sprintf("%s%012d", draftPrefix, max(0, at.Unix())) }

// dropDrafts forgets changes that nobody can confirm any more.
func (s *Slack) dropDrafts(ctx context.Context, now time.Time) error {
	return s.opts.Store.DropDocuments(ctx, draftPrefix, draftBound(now.Add(-slipLife)))
}

// confirmation keeps the changes and makes the dialog that shows what they make.
func (s *Slack) confirmation(ctx context.Context, c *slackapi.InteractionCallback, p slip, before, would *approval.Request, values map[string]string) (*slackapi.ModalViewRequest, error) {
	sheet := sheet{room: maxDialogPreview, most: maxModal}
	sheet.add(plainSection("Not approved yet. With your changes it will be:"))
	sheet.add(plainSection(title(would)))
	if !sheet.preview(title(would), would.Preview) {
		return message("Too long for Slack", s.inConsole(before, "With these changes it is too long to be read here whole, so it cannot be approved here.")), nil
	}
	if n := len(would.Edits); n > 0 {
		sheet.add(plainSection(cut("Changed:\n"+changesText(would.Edits[n-1].Changes), maxSection)))
	}
	sheet.add(plainContext(cmp.Or(needText(would), "It needs nobody else.") + " Digest " + shortDigest(would.Digest)))
	next := newSlip(c, p.target, confirmView)
	next.View, next.Edited = c.View.ID, would.Digest
	carried, err := s.seal.encode(next)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(draft{Values: values})
	if err != nil {
		return nil, err
	}
	if _, err := s.opts.Store.SetDocument(ctx, approval.Document{Name: draftName(next), Data: data}); err != nil {
		return nil, err
	}
	return &slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: confirmView, ExternalID: next.ID, PrivateMetadata: carried,
		Title: plain("Approve this?"), Submit: plain("Approve as changed"), Close: plain("Cancel"),
		Blocks: slackapi.Blocks{BlockSet: sheet.blocks},
	}, nil
}

// confirmed handles the confirmation of changes.
func (s *Slack) confirmed(ctx context.Context, t *team, c *slackapi.InteractionCallback) *reply {
	refuse := func(words string) *reply { return &reply{view: updated(message("Not approved", words))} }
	p, err := s.seal.decode(c, time.Now())
	if err != nil || p.Edited == "" {
		return refuse(lostDialog)
	}
	doc, err := s.opts.Store.Document(ctx, draftName(p))
	if err != nil {
		s.opts.Logger.ErrorContext(ctx, "slack: changes not found", "error", err)
		return refuse(unclear)
	}
	me, words := s.person(ctx, c)
	if words != "" {
		return refuse(words)
	}
	d := approval.Decision{RequestID: p.Request, Digest: p.Digest, EditDigest: p.Edited, Verdict: approval.Approve, By: me, Channel: Channel}
	var changes draft
	if doc.Version == 0 || json.Unmarshal(doc.Data, &changes) != nil || len(changes.Values) == 0 {
		if s.counted(ctx, d) {
			return &reply{} // sent off twice
		}
		return refuse(lostDialog)
	}
	d.Edit = changes.Values
	if words := s.decide(ctx, t, p.target, d); words != "" {
		return refuse(words)
	}
	if err := s.opts.Store.DropDocument(ctx, doc.Name, doc.Version); err != nil && !errors.Is(err, approval.ErrConflict) {
		s.opts.Logger.WarnContext(ctx, "slack: draft not dropped", "error", err)
	}
	return &reply{}
}

// changesText lists what was changed, cut visibly.
func changesText(changes []approval.Diff) string {
	const most, long = 30, 300
	var b strings.Builder
	for i, d := range changes {
		if i == most {
			fmt.Fprintf(&b, "… and %d more", len(changes)-most)
			break
		}
		fmt.Fprintf(&b, "%s: %s → %s\n", strings.TrimPrefix(d.Path, "/"), cut(valueText(d.Before), long), cut(valueText(d.After), long))
	}
	return strings.TrimSpace(b.String())
}

func valueText(raw json.RawMessage) string {
	if raw == nil {
		return "nothing"
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return "“" + text + "”"
	}
	return string(raw)
}

// shortDigest is enough of a digest to compare by eye.
func shortDigest(digest string) string {
	hash := strings.TrimPrefix(digest, "sha256:")
	return hash[:min(len(hash), 12)]
}
