// Command posaudit looks at the audit log in a directory, also while a program
// is writing it, and changes nothing.
//
//	posaudit verify DIR [-checkpoint FILE]… [-key KEY] [-json]
//	posaudit trail DIR [-subject TYPE=ID] [-correlation ID] [-kind KIND] [-actor ID]
//	         [-since TIME] [-until TIME] [-key KEY] [-json]
//	posaudit checkpoint DIR [-key KEY]
//	posaudit key DIR
//	posaudit prove DIR ENTRY [-key KEY]
//	posaudit prove-verify FILE -key KEY [-json]
//
// verify proves the whole log and names the first bad entry. Each -checkpoint is
// one that "posaudit checkpoint" printed earlier and that was kept elsewhere;
// it detects that the log was put back or rewritten since.
//
// trail prints the selected entries in order, as text or as JSON lines. TIME is
// RFC 3339. The log is checked against its last checkpoint before.
//
// prove prints a receipt (a C2SP proof file) of the entry with that ID, which
// prove-verify checks without the log.
//
// KEY is the log's public key, as printed by "posaudit key", or the name of a
// file with it. Without it the key in DIR is taken, which proves nothing against
// someone who could exchange that too.
//
// The exit status is 0 if all is well, 1 if the log or the receipt is not what
// was written or signed, 2 if the command line is wrong, and 3 if something
// could not be read or found.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/posai-go/posai/audit"
	"github.com/posai-go/posai/audit/filestore"
)

const usage = `usage:
  posaudit verify DIR [-checkpoint FILE]... [-key KEY] [-json]
  posaudit trail DIR [-subject TYPE=ID] [-correlation ID] [-kind KIND] [-actor ID]
           [-since TIME] [-until TIME] [-key KEY] [-json]
  posaudit checkpoint DIR [-key KEY]
  posaudit key DIR
  posaudit prove DIR ENTRY [-key KEY]
  posaudit prove-verify FILE -key KEY [-json]
exit status: 0 all is well, 1 not what was written or signed, 2 usage, 3 cannot read or find
`

// maxFile bounds the small files that are read whole, in bytes.
const maxFile = 1 << 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// usageError is a wrong command line.
type usageError struct{ error }

// run is the program without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "posaudit:", err)
	_, wrong := errors.AsType[usageError](err)
	switch {
	case wrong:
		fmt.Fprint(stderr, usage)
		return 2
	case errors.Is(err, audit.ErrCorrupt) || errors.Is(err, audit.ErrCheckpoint):
		return 1
	default:
		return 3
	}
}

// flags are those of all commands; each command names the ones it takes.
type flags struct {
	checkpoints []string
	key         string
	json        bool
	query       audit.Query
}

func command(ctx context.Context, args []string, stdout io.Writer) error {
	commands := map[string]struct {
		positional int
		flags      string
		do         func(ctx context.Context, args []string, f *flags, stdout io.Writer) error
	}{
		"verify":       {1, "checkpoint key json", verify},
		"trail":        {1, "subject correlation kind actor since until key json", trail},
		"checkpoint":   {1, "key", checkpoint},
		"key":          {1, "", key},
		"prove":        {2, "key", prove},
		"prove-verify": {1, "key json", proveVerify},
	}
	if len(args) == 0 {
		return usageError{errors.New("no command")}
	}
	c, ok := commands[args[0]]
	if !ok {
		return usageError{fmt.Errorf("no command %q", args[0])}
	}
	f, positional, err := parse(args, c.flags)
	if err != nil {
		return usageError{err}
	}
	if len(positional) != c.positional {
		return usageError{fmt.Errorf("%s takes %d arguments, not %d", args[0], c.positional, len(positional))}
	}
	return c.do(ctx, positional, f, stdout)
}

// parse reads the flags, which may stand before, between and after the
// arguments.
func parse(args []string, names string) (*flags, []string, error) {
	var f flags
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	set.SetOutput(io.Discard)
	text := func(p *string) func(string) error {
		return func(s string) error { *p = s; return nil }
	}
	instant := func(p *time.Time) func(string) error {
		return func(s string) (err error) { *p, err = time.Parse(time.RFC3339, s); return err }
	}
	known := map[string]func(string) error{
		"checkpoint":  func(s string) error { f.checkpoints = append(f.checkpoints, s); return nil },
		"key":         text(&f.key),
		"correlation": text(&f.query.Correlation),
		"actor":       text(&f.query.Actor),
		"kind":        func(s string) error { f.query.Kind = audit.Kind(s); return nil },
		"since":       instant(&f.query.Since),
		"until":       instant(&f.query.Until),
		"subject": func(s string) error {
			kind, id, ok := strings.Cut(s, "=")
			if !ok || id == "" {
				return errors.New("want TYPE=ID")
			}
			f.query.Subject = audit.Subject{Type: kind, ID: id}
			return nil
		},
	}
	for name := range strings.FieldsSeq(names) {
		if name == "json" {
			set.BoolVar(&f.json, name, false, "")
		} else {
			set.Func(name, "", known[name])
		}
	}
	var positional []string
	for rest := args[1:]; ; {
		if err := set.Parse(rest); err != nil {
			return nil, nil, err
		}
		if set.NArg() == 0 {
			return &f, positional, nil
		}
		positional = append(positional, set.Arg(0))
		rest = set.Args()[1:]
	}
}

// verifiers returns the key that was given, or nil.
func (f *flags) verifiers() (note.Verifiers, error) {
	if f.key == "" {
		return nil, nil
	}
	vkey := f.key
	if !strings.Contains(vkey, "+") {
		b, err := readFile(vkey)
		if err != nil {
			return nil, err
		}
		vkey = strings.TrimSpace(string(b))
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, usageError{fmt.Errorf("-key: %w", err)}
	}
	return note.VerifierList(verifier), nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes", name, maxFile)
	}
	return b, err
}

// openLog opens the log in dir for reading. The caller closes the reader.
func openLog(ctx context.Context, dir string, f *flags) (*filestore.Reader, *audit.Log, error) {
	verifiers, err := f.verifiers()
	if err != nil {
		return nil, nil, err
	}
	r, err := filestore.OpenReader(dir)
	if err != nil {
		return nil, nil, err
	}
	log, err := audit.OpenReader(ctx, r, &audit.Options{Verifiers: verifiers})
	if err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	return r, log, nil
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
