package ai

const (
	boundPerPart   = 16     // role markers and separators around each part
	boundPerSchema = 1024   // what providers tell the model about tools and formats
	boundPerImage  = 50_000 // the dearest image of any provider known to us, with a margin
)

// InputBound returns a number of tokens that the input of a request does not
// exceed with the tokenizers of today's providers, whose tokens are at least a
// byte each; it is usually several times the true number. It reports false if
// there is no such number: for a [File], whose pages it cannot count, and for an
// [Image] by URL.
func InputBound(r *Request) (tokens int64, ok bool) {
	n := int64(len(r.System)) + boundPerPart
	ok = true
	for _, m := range r.Messages {
		n += boundPerPart
		if !boundParts(m.Parts, &n) {
			ok = false
		}
	}
	for _, t := range r.Tools {
		n += int64(len(t.Name)+len(t.Description)) + boundSchema(t.Input)
	}
	if o := r.Output; o != nil {
		n += int64(len(o.Name)+len(o.Description)) + boundSchema(o.Schema)
	}
	return n, ok
}

func boundParts(parts []Part, n *int64) bool {
	ok := true
	for _, p := range parts {
		*n += boundPerPart
		switch p := p.(type) {
		case Text:
			*n += int64(len(p.Text))
		case Reasoning:
			*n += int64(len(p.Text) + len(p.Opaque))
		case ToolCall:
			*n += int64(len(p.ID) + len(p.Name) + len(p.Arguments) + len(p.Opaque))
		case ToolResult:
			*n += int64(len(p.CallID) + len(p.Name))
			ok = boundParts(p.Content, n) && ok
		case Unknown:
			*n += int64(len(p.Raw))
		case Image:
			*n += boundPerImage
			ok = ok && p.URL == ""
		default:
			ok = false
		}
	}
	return ok
}

// boundSchema counts a schema twice: adapting it to a provider turns constraints
// into words.
func boundSchema(s *Schema) int64 {
	if s == nil {
		return boundPerSchema
	}
	return boundPerSchema + 2*int64(len(s.json()))
}
